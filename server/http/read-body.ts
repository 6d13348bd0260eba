// The bytes of a body, bounded. Knows nothing of what they mean.
import type { Request, RequestHandler } from 'express';
import { AppError } from '../errors.js';

export const MAX_BODY_BYTES = 1024 * 1024;

/**
 * Puts a Buffer into `req.body`. Not body-parser, which reads a body that is too large to its end before it says so:
 * an endless one would never be refused.
 */
export const readBody: RequestHandler = (req, _res, next) => {
  const encoding = req.get('content-encoding') ?? 'identity';
  if (encoding.toLowerCase() !== 'identity') {
    throw new AppError('unsupported_media_type', 'Compressed bodies are not accepted.', {
      param: 'Content-Encoding',
    });
  }
  // Node has checked that it is a number; without one it compares false.
  if (Number(req.get('content-length')) > MAX_BODY_BYTES) throw tooLarge(req);
  const chunks: Buffer[] = [];
  let bytes = 0;
  const settle = (error?: AppError): void => {
    req.off('data', onData).off('end', onEnd).off('error', onGone).off('close', onGone);
    if (error === undefined) req.body = Buffer.concat(chunks);
    next(error);
  };
  const onData = (chunk: Buffer): void => {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) settle(tooLarge(req));
    else chunks.push(chunk);
  };
  const onEnd = (): void => settle();
  const onGone = (): void => settle(new AppError('cancelled', 'The client left while sending.'));
  req.on('data', onData).on('end', onEnd).on('error', onGone).on('close', onGone);
};

/** What still comes is thrown away, so that the answer is not lost to a reset of a connection with unread bytes. */
function tooLarge(req: Request): AppError {
  req.on('error', () => {}).resume();
  return new AppError('body_too_large', `The body is larger than ${MAX_BODY_BYTES} bytes.`, {
    headers: { Connection: 'close' },
  });
}
