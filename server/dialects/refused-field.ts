// Fields of a foreign format that would change the answer and that we cannot honour: refused by name, never ignored.
import { z } from 'zod';

/** What `z.toJSONSchema` and the table test of every dialect read of such a field. */
export interface RefusedMeta {
  readonly refused: true;
  readonly description: string;
  /** Values that ask for nothing, and so pass. */
  readonly neutral: readonly unknown[];
}

/**
 * Passes when absent or one of the neutral values; anything else is `unsupported_parameter` with the reason (parseWith
 * in http/body.ts turns `params.unsupported` into that code).
 * @param why completes "… is not supported: "; for the client and the reference page.
 */
export function refusedField(why: string, neutral: readonly unknown[] = [null]) {
  const meta: RefusedMeta = { refused: true, description: `Not supported: ${why}`, neutral };
  return z
    .unknown()
    .refine(value => value === undefined || neutral.some(each => isSame(each, value)), {
      error: `is not supported: ${why}`,
      params: { unsupported: true },
    })
    .optional()
    .meta({ ...meta });
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
