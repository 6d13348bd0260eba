// Where a page of the history ended, as an opaque text for clients. Knows no SQL.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { AppError } from '../errors.js';

/** An exchange's place in the order of time; the id breaks ties. */
export interface ExchangePlace {
  /** ISO 8601, UTC, to the microsecond: what the database keeps. */
  readonly endedAt: string;
  readonly id: string;
}

const placeSchema = z.object({
  endedAt: z.iso.datetime({ precision: 6 }).regex(/^[1-9]/),
  id: z.guid(),
});

/** Its checksum tells a cursor that was cut or changed on the way; whoever may read the history gains nothing by making one. */
export function toCursor({ endedAt, id }: ExchangePlace): string {
  const place = `${endedAt}/${id}`;
  const checksum = createHash('sha256').update(place).digest('hex').slice(0, 8);
  return Buffer.from(`${checksum}/${place}`).toString('base64url');
}

/** @throws AppError invalid_request for a text that toCursor never made */
export function parseCursor(text: string): ExchangePlace {
  const [, endedAt, id] = Buffer.from(text, 'base64url').toString().split('/');
  const parsed = placeSchema.safeParse({ endedAt, id });
  if (parsed.success && toCursor(parsed.data) === text) return parsed.data;
  throw new AppError('invalid_request', '"cursor": must be the next_cursor of an earlier page, unchanged.', {
    param: 'cursor',
  });
}
