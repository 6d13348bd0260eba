// How one request is seen from outside: counted, traced, and told in one line of the console when it is over.
import type { Request, Response } from 'express';
import type { RequestRecorder } from '../domain/recorder.js';
import type { Span, Tracer } from '../domain/trace.js';
import type { Logger } from '../log.js';
import { SILENT_RECORDER } from '../metrics/silent-recorder.js';
import { NO_SPAN, UNTRACED } from '../tracing/untraced.js';

/** Asked every few seconds by machines: their lines would bury all others, and their traces tell nothing. */
const PROBES: ReadonlySet<string> = new Set(['/livez', '/readyz', '/health', '/metrics']);

export interface Observers {
  readonly recorder: RequestRecorder;
  readonly tracer: Tracer;
  /** Of the line that each request but a probe has. */
  readonly accessLevel: 'info' | 'debug';
}

export const UNOBSERVED: Observers = {
  recorder: SILENT_RECORDER,
  tracer: UNTRACED,
  accessLevel: 'debug',
};

/** Without its path, which may hold what the client should not have put there; its route is told at the end. */
export function startSpan(req: Request, requestId: string, tracer: Tracer): Span {
  if (PROBES.has(req.path)) return NO_SPAN;
  const { traceparent, tracestate } = req.headers;
  const headers = {
    traceparent: typeof traceparent === 'string' ? traceparent : undefined,
    tracestate: typeof tracestate === 'string' ? tracestate : undefined,
  };
  return tracer.request(req.method, headers, {
    'http.request.method': req.method,
    'minivault.request_id': requestId,
  });
}

export interface EndedRequest {
  readonly span: Span;
  /** Of the request: knows its ids. */
  readonly logger: Logger;
  readonly tookMs: number;
  readonly caller: string | null;
  /** The client got all of the answer. */
  readonly isWhole: boolean;
}

export function tellEnd(
  req: Request,
  res: Response,
  { span, logger, tookMs, caller, isWhole }: EndedRequest,
  { recorder, accessLevel }: Observers,
): void {
  const route = templateOf(req);
  recorder.request(req.method, route, isWhole ? res.statusCode : null, tookMs);
  const status = isWhole || res.headersSent ? res.statusCode : 499;
  if (route !== null) span.rename(`${req.method} ${route}`);
  span.set({
    'http.response.status_code': status,
    ...(route === null ? {} : { 'http.route': route }),
    ...(isWhole ? {} : { 'minivault.cut': true }),
  });
  span.end();
  const level = PROBES.has(req.path) ? 'debug' : accessLevel;
  logger[level]('request', {
    method: req.method,
    path: req.path,
    route: route ?? undefined,
    status,
    ms: Math.round(tookMs),
    caller: caller ?? undefined,
    ...(isWhole ? {} : { cut: true }),
  });
}

/** Null while no route has taken the path: it is the client's word and no label. */
function templateOf(req: Request): string | null {
  const { route } = req as { route?: { readonly path: string } };
  return route?.path ?? null;
}
