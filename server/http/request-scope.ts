// What every request carries: its id, its start and the signal that its client has gone.
import { randomUUID } from 'node:crypto';
import type { NextFunction, Request, Response } from 'express';
import type { Caller } from '../domain/caller.js';
import type { ErrorRecorder } from '../domain/recorder.js';
import type { Span } from '../domain/trace.js';
import { createRedact, type Logger } from '../log.js';
import { type ClientAddress, createClientAddress } from './client-address.js';
import { type Observers, startSpan, tellEnd, UNOBSERVED } from './request-watch.js';

const redact = createRedact();
const REQUEST_ID = /^[\w.-]{1,64}$/;

export interface RequestScope {
  /** The client's X-Request-ID when well formed and no key, else our own. */
  readonly requestId: string;
  readonly startedAtMs: number;
  /** The client's, by which it is told from others where it has no key. */
  readonly address: string;
  /** Aborted when the connection closes before the answer was written whole. */
  readonly signal: AbortSignal;
  readonly logger: Logger;
  /** Told of each error that the client is told of. */
  readonly recorder: ErrorRecorder;
  /** What the request's own work is a part of. */
  readonly span: Span;
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

/** Ids stand in every log, so that what is, or looks like, a key is none. */
function isGoodId(given: string, req: Request): boolean {
  const sent = [req.get('x-api-key'), req.get('authorization')?.replace(/^\S+ +/, '')];
  return REQUEST_ID.test(given) && redact(given) === given && !sent.includes(given);
}

/** First middleware of the pipeline. */
export function requestScope(
  logger: Logger,
  clientAddress: ClientAddress = createClientAddress([]),
  observers: Observers = UNOBSERVED,
) {
  return (req: Request, res: Response, next: NextFunction): void => {
    const given = req.get('x-request-id');
    const requestId = given !== undefined && isGoodId(given, req) ? given : randomUUID();
    const gone = new AbortController();
    const startedAtMs = performance.now();
    const span = startSpan(req, requestId, observers.tracer);
    const ids = { request_id: requestId, ...(span.context && { trace_id: span.context.traceId }) };
    const scope: RequestScope = {
      requestId,
      startedAtMs,
      address: clientAddress(req),
      signal: gone.signal,
      logger: logger.child(ids),
      recorder: observers.recorder,
      span,
      caller: NOBODY,
    };
    const { socket } = req;
    const onGone = (): void => gone.abort();
    // A response that is pipelined behind another has no socket yet, and hears nothing of its end.
    socket.once('close', onGone);
    // Node closes `req` as soon as its body is read; only `res` tells of a disconnect.
    res.on('close', () => {
      socket.off('close', onGone);
      const isWhole = res.writableFinished;
      if (!isWhole) gone.abort();
      const { logger, caller } = scope;
      const tookMs = performance.now() - startedAtMs;
      tellEnd(req, res, { span, logger, tookMs, caller: caller.name, isWhole }, observers);
    });
    res.setHeader('X-Request-ID', requestId);
    scopes.set(res, scope);
    next();
  };
}
