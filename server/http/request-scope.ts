// What every request carries: its id, its start and the signal that its client has gone.
import { randomUUID } from 'node:crypto';
import type { NextFunction, Request, Response } from 'express';
import type { Caller } from '../domain/caller.js';
import type { ErrorRecorder, RequestRecorder } from '../domain/recorder.js';
import type { Logger } from '../log.js';
import { SILENT_RECORDER } from '../metrics/silent-recorder.js';
import { type ClientAddress, createClientAddress } from './client-address.js';

const REQUEST_ID = /^[\w.-]{1,64}$/;

export interface RequestScope {
  /** The client's X-Request-ID when well formed, else our own. */
  readonly requestId: string;
  readonly startedAtMs: number;
  /** The client's, by which it is told from others where it has no key. */
  readonly address: string;
  /** Aborted when the connection closes before the answer was written whole. */
  readonly signal: AbortSignal;
  readonly logger: Logger;
  /** Told of each error that the client is told of. */
  readonly recorder: ErrorRecorder;
  /** Who asks, once http/auth.ts knows; nobody, who may do nothing, before. */
  caller: Caller;
}

const NOBODY: Caller = {
  name: null,
  keyId: null,
  role: 'user',
  scopes: new Set(),
  limits: { requestsPerMinute: null, concurrency: null, tokensPerDay: null },
  share: '',
};

const scopes = new WeakMap<Response, RequestScope>();

export function scopeOf(res: Response): RequestScope {
  const scope = scopes.get(res);
  if (scope === undefined) throw new Error('requestScope() must come first');
  return scope;
}

/** First middleware of the pipeline. */
export function requestScope(
  logger: Logger,
  clientAddress: ClientAddress = createClientAddress([]),
  recorder: RequestRecorder = SILENT_RECORDER,
) {
  return (req: Request, res: Response, next: NextFunction): void => {
    const given = req.get('x-request-id');
    const requestId = given !== undefined && REQUEST_ID.test(given) ? given : randomUUID();
    const gone = new AbortController();
    const startedAtMs = performance.now();
    const { socket } = req;
    const onGone = (): void => gone.abort();
    // A response that is pipelined behind another has no socket yet, and hears nothing of its end.
    socket.once('close', onGone);
    // Node closes `req` as soon as its body is read; only `res` tells of a disconnect.
    res.on('close', () => {
      socket.off('close', onGone);
      const whole = res.writableFinished;
      if (!whole) gone.abort();
      const tookMs = performance.now() - startedAtMs;
      recorder.request(req.method, templateOf(req), whole ? res.statusCode : null, tookMs);
      logger.debug('request', {
        request_id: requestId,
        method: req.method,
        path: req.path,
        status: whole || res.headersSent ? res.statusCode : 499,
        ms: Math.round(tookMs),
        ...(whole ? {} : { cut: true }),
      });
    });
    res.setHeader('X-Request-ID', requestId);
    scopes.set(res, {
      requestId,
      startedAtMs,
      address: clientAddress(req),
      signal: gone.signal,
      logger: logger.child({ request_id: requestId }),
      recorder,
      caller: NOBODY,
    });
    next();
  };
}

/** Null while no route has taken the path: it is the client's word and no label. */
function templateOf(req: Request): string | null {
  const { route } = req as { route?: { readonly path: string } };
  return route?.path ?? null;
}
