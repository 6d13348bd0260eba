// A trace goes on at another server. Knows no request.
import type { TraceContext } from '../domain/trace.js';

/** Of W3C's Trace Context; none when nobody traces. */
export function traceHeaders(trace: TraceContext | undefined): Record<string, string> {
  if (trace === undefined) return {};
  const { traceparent, tracestate } = trace;
  return { traceparent, ...(tracestate === null ? {} : { tracestate }) };
}
