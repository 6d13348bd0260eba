// The only place where an error becomes an HTTP answer. Streams that have begun end in http/send.ts instead.
import type { ErrorRequestHandler, NextFunction, Request, Response } from 'express';
import type { ErrorBody } from '../dialects/dialect.js';
import { AppError, ERRORS, toAppError } from '../errors.js';
import { type RequestScope, scopeOf } from './request-scope.js';

/** Who is refused for who it is or how much it asks. */
const REFUSING: ReadonlySet<number> = new Set([401, 403, 429]);

/** Told of every request that is refused for who it is or how much it asks, before its answer is sent. */
export type OnRefusal = (error: AppError, req: Request, scope: RequestScope) => void;

/** What is further away, as tomorrow's tokens are, those clients would not wait for: they would ask again at once. */
const MAX_RETRY_AFTER_MS = 60_000;

/** @param errorBody gives the body its dialect, chosen by the request's path. */
export function errorHandler(
  errorBody: (req: Request) => ErrorBody,
  onRefusal: OnRefusal = () => {},
): ErrorRequestHandler {
  return (thrown: unknown, req: Request, res: Response, _next: NextFunction): void => {
    const error = toAppError(isMalformedPath(thrown) ? malformedPath(thrown) : thrown);
    const scope = scopeOf(res);
    const { requestId, logger, recorder, span } = scope;
    span.fail(error.code);
    if (error.code !== 'cancelled') recorder.error(error.code);
    if (error.code === 'internal') {
      const { cause } = error;
      logger.error('request failed', { error: cause instanceof Error ? cause.stack : String(cause) });
    }
    if (res.headersSent || res.destroyed) {
      res.destroy();
      return;
    }
    if (REFUSING.has(error.status)) onRefusal(error, req, scope);
    for (const [name, value] of Object.entries(error.headers)) res.setHeader(name, value);
    const { retryable } = ERRORS[error.code];
    // OpenAI's and Anthropic's clients would try every 408, 409, 429 and 5xx twice more.
    const isSoon = (error.retryAfterMs ?? 0) <= MAX_RETRY_AFTER_MS;
    res.setHeader('X-Should-Retry', String(retryable && isSoon));
    if (retryable && error.retryAfterMs !== undefined) {
      res.setHeader('Retry-After', String(Math.max(1, Math.ceil(error.retryAfterMs / 1000))));
      res.setHeader('Retry-After-Ms', String(Math.ceil(error.retryAfterMs)));
    }
    res.status(error.status).json(errorBody(req)(error, requestId));
  };
}

/** Express throws a bare URIError for a path with a broken percent escape. */
function isMalformedPath(thrown: unknown): thrown is URIError {
  return thrown instanceof URIError;
}

function malformedPath(cause: URIError): AppError {
  return new AppError('invalid_request', 'The path holds a broken percent escape.', { param: 'path', cause });
}
