// The bytes of a body, bounded. Knows nothing of what they mean.
import type { Request, RequestHandler } from 'express';
import { AppError } from '../errors.js';
import { discardRest } from './discard-rest.js';

export const MAX_BODY_BYTES = 1024 * 1024;

/** The body of most routes: `MAX_BODY_BYTES` at most. */
export const readBody: RequestHandler = readBodyUpTo(MAX_BODY_BYTES);

/**
 * Puts a Buffer into `req.body`. Not body-parser, which reads a body that is too large to its end before it says so:
 * an endless one would never be refused.
 */
export function readBodyUpTo(maxBytes: number): RequestHandler {
  return (req, _res, next) => {
    const encoding = req.get('content-encoding') ?? 'identity';
    if (encoding.toLowerCase() !== 'identity') {
      throw new AppError('unsupported_media_type', 'Compressed bodies are not accepted.', {
        param: 'Content-Encoding',
      });
    }
    // Node has checked that it is a number; without one it compares false.
    if (Number(req.get('content-length')) > maxBytes) throw tooLarge(req, maxBytes);
    const chunks: Buffer[] = [];
    let bytes = 0;
    const settle = (error?: AppError): void => {
      req.off('data', onData).off('end', onEnd).off('error', onGone).off('close', onGone);
      if (error === undefined) req.body = Buffer.concat(chunks);
      next(error);
    };
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes > maxBytes) settle(tooLarge(req, maxBytes));
      else chunks.push(chunk);
    };
    const onEnd = (): void => settle();
    const onGone = (): void => settle(new AppError('cancelled', 'The client left while sending.'));
    req.on('data', onData).on('end', onEnd).on('error', onGone).on('close', onGone);
  };
}

function tooLarge(req: Request, maxBytes: number): AppError {
  discardRest(req);
  return new AppError('body_too_large', `The body is larger than ${maxBytes} bytes.`, {
    headers: { Connection: 'close' },
  });
}
