// What HTTP/1.1 asks of a request's head and Node lets pass. Knows no route.
import type { Request, RequestHandler } from 'express';
import { AppError } from '../errors.js';
import { NO_PATH } from './request-target.js';

/** Node would drop what is beyond its own limit without a word (http-server.ts sets that one higher). */
export const MAX_HEADERS = 100;

/**
 * Comes before whatever reads a header.
 * @throws AppError headers_too_large, invalid_request for no or several `Host` and for a target without a path,
 * expectation_failed
 */
export const requestHead: RequestHandler = (req, _res, next) => {
  if (req.rawHeaders.length / 2 > MAX_HEADERS) {
    throw new AppError('headers_too_large', `The request has more than ${MAX_HEADERS} headers.`);
  }
  const hosts = req.rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'host');
  // Two of them: what is in front of the gateway may go by the one, and the gateway by the other.
  if (hosts.length > 1 || (hosts.length === 0 && mustNameHost(req))) {
    throw new AppError('invalid_request', 'The request must have one Host header.', { param: 'Host' });
  }
  if (req.url === NO_PATH && req.method !== 'OPTIONS') {
    throw new AppError('invalid_request', 'The request names no path of this server.', { param: 'path' });
  }
  const { expect } = req.headers;
  if (expect !== undefined && expect.toLowerCase() !== '100-continue') {
    throw new AppError('expectation_failed', 'Only "Expect: 100-continue" can be met.', { param: 'Expect' });
  }
  next();
};

function mustNameHost({ httpVersionMajor, httpVersionMinor }: Request): boolean {
  return httpVersionMajor > 1 || httpVersionMinor > 0;
}
