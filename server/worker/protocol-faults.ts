// Counts what the worker sent that the protocol does not allow. Knows no stream and no request.
import type { Logger } from '../log.js';
import type { LineFault } from './line-parser.js';

export type ProtocolFault =
  | LineFault
  | 'line_too_long'
  /** For a request that is not in the worker: unknown, finished, or cancelled and acknowledged. */
  | 'unknown_id'
  /** A message that this state of the worker does not allow, a second `started` or `ready` for one. */
  | 'out_of_turn';

const MAX_SAMPLE_LENGTH = 120;

export class ProtocolFaults {
  readonly #logger: Logger;
  readonly #counts: Record<string, number> = {};

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** @param sample what was seen; shown at the 1st, 2nd, 4th, 8th … of its kind, so a flood stays short. */
  count(kind: ProtocolFault, sample: string): void {
    const count = (this.#counts[kind] ?? 0) + 1;
    this.#counts[kind] = count;
    if ((count & (count - 1)) !== 0) return;
    this.#logger.warn('Ignored what the worker sent.', {
      kind,
      count,
      sample: sample.slice(0, MAX_SAMPLE_LENGTH),
    });
  }

  counts(): Readonly<Record<string, number>> {
    return { ...this.#counts };
  }
}
