// No tracing: no spans, no cost. A client's trace still goes on to the worker, to other servers and into the console.
import type { Span, TraceContext, Tracer } from '../domain/trace.js';
import { parseTraceContext } from './trace-context.js';

const nothing = (): void => {};

function passing(context: TraceContext | null): Span {
  const span: Span = {
    context,
    child: () => span,
    rename: nothing,
    set: nothing,
    fail: nothing,
    end: nothing,
  };
  return span;
}

export const NO_SPAN: Span = passing(null);

export const UNTRACED: Tracer = {
  request: (_name, { traceparent, tracestate }) => {
    if (traceparent === undefined) return NO_SPAN;
    const context = parseTraceContext(traceparent, tracestate);
    return context === null ? NO_SPAN : passing(context);
  },
};
