// A trace as the parts see it: where it goes on, and spans to put their work into. Types only; who collects them is tracing/.

/** As W3C's Trace Context has it, ready to be sent on. */
export interface TraceContext {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  readonly traceparent: string;
  /** What other tracers on the way want passed on. */
  readonly tracestate: string | null;
}

export type SpanAttributes = Readonly<Record<string, string | number | boolean | readonly string[]>>;

export interface SpanOptions {
  readonly attributes?: SpanAttributes;
  /** `client` where another process does the work. Default: `internal`. */
  readonly kind?: 'client' | 'internal';
  /** By `performance.now()`; now when absent. */
  readonly startedAtMs?: number;
}

export interface Span {
  /** Where the work of this span goes on elsewhere; null when nobody traces and the client sent no trace. */
  readonly context: TraceContext | null;
  child(name: string, options?: SpanOptions): Span;
  rename(name: string): void;
  set(attributes: SpanAttributes): void;
  /** What it stands for failed with this code; it is to be ended all the same. */
  fail(code: string): void;
  /** @param atMs by `performance.now()`; now when absent */
  end(atMs?: number): void;
}

export interface Tracer {
  /** The span of one request. It goes on the trace of the client where its headers are well formed. */
  request(
    name: string,
    headers: { readonly traceparent: string | undefined; readonly tracestate: string | undefined },
    attributes: SpanAttributes,
  ): Span;
}
