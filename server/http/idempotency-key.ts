// The Idempotency-Key header: a client that sends a request again says so by the key it sent before. Knows no runs.
import { createHash } from 'node:crypto';
import type { Request } from 'express';
import type { IdempotencyKey } from '../domain/idempotency.js';
import { AppError } from '../errors.js';
import type { RequestScope } from './request-scope.js';

const HEADER = 'Idempotency-Key';
const KEY = /^[\x21-\x7e]{1,255}$/;

/** Null without the header. @throws AppError invalid_request for one that is malformed, or sent twice */
export function idempotencyKeyOf(req: Request, { caller }: RequestScope): IdempotencyKey | null {
  const key = req.get(HEADER);
  if (key === undefined) return null;
  if (!KEY.test(key)) {
    const message = `"${HEADER}" must be 1 to 255 visible ASCII characters without spaces, such as a UUID.`;
    throw new AppError('invalid_request', message, { param: HEADER });
  }
  const fingerprint = createHash('sha256').update(JSON.stringify(req.query)).update('\0');
  if (Buffer.isBuffer(req.body)) fingerprint.update(req.body);
  return { owner: caller.name, route: req.path, key, fingerprint: fingerprint.digest('base64') };
}
