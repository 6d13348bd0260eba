// Spans by OpenTelemetry, sent in batches to an OTLP/HTTP collector. The only file with the SDK, and nothing of it is global:
// several gateways of a process trace each for itself.
import {
  type Span as OtelSpan,
  type Tracer as OtelTracer,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-base';
import type { Span, SpanAttributes, SpanOptions, TraceContext } from '../domain/trace.js';
import { ERRORS, isErrorCode } from '../errors.js';
import { createPatientExporter } from './patient-exporter.js';
import { parseTraceContext, type RemoteParent, toTraceparent } from './trace-context.js';
import type { Tracing, TracingOptions } from './tracing.js';

const BATCH_DELAY_MS = 1_000;
const EXPORT_TIMEOUT_MS = 5_000;
const FLUSH_TIMEOUT_MS = 1_000;
/** Spans in memory while nobody takes them; what is more is lost. */
const MAX_QUEUED_SPANS = 2_048;
const FIRST_SERVER_FAULT = 500;

export function createOtelTracing(options: TracingOptions & { readonly endpoint: string }): Tracing {
  const { endpoint, headers, serviceName, version, ratio, warn } = options;
  const url = `${endpoint.replace(/\/$/, '')}/v1/traces`;
  const exporter = new OTLPTraceExporter({
    url,
    headers: { ...headers },
    timeoutMillis: EXPORT_TIMEOUT_MS,
    concurrencyLimit: 2,
  });
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': serviceName, 'service.version': version }),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
    spanProcessors: [
      new BatchSpanProcessor(createPatientExporter(exporter, url, warn), {
        scheduledDelayMillis: BATCH_DELAY_MS,
        exportTimeoutMillis: EXPORT_TIMEOUT_MS,
        maxQueueSize: MAX_QUEUED_SPANS,
      }),
    ],
  });
  const tracer = provider.getTracer('minivault', version);
  return {
    tracer: {
      request: (name, { traceparent, tracestate }, attributes) => {
        const parent = parseTraceContext(traceparent, tracestate);
        const context = parent === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, toRemote(parent));
        const options = {
          kind: SpanKind.SERVER,
          attributes: toOtel(attributes),
          startTime: Date.now(),
        };
        // One for all spans of a request: a machine that slept has clocks that differ, and so would the spans' order.
        const offsetMs = options.startTime - performance.now();
        const span = tracer.startSpan(name, options, context);
        return toSpan({ tracer, offsetMs, tracestate: parent?.tracestate ?? null }, span);
      },
    },
    close: async () => {
      let timer: NodeJS.Timeout | undefined;
      const elapsed = new Promise<void>(resolve => {
        timer = setTimeout(resolve, FLUSH_TIMEOUT_MS);
      });
      await Promise.race([provider.shutdown().catch(() => {}), elapsed]);
      clearTimeout(timer);
    },
  };
}

function toRemote({ traceId, spanId, isSampled }: RemoteParent): SpanContext {
  return {
    traceId,
    spanId,
    isRemote: true,
    traceFlags: isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
  };
}

/** What all spans of a request share. */
interface Shared {
  readonly tracer: OtelTracer;
  /** From `performance.now()` to the time of day. */
  readonly offsetMs: number;
  readonly tracestate: string | null;
}

function toSpan(shared: Shared, span: OtelSpan): Span {
  const { tracer, offsetMs, tracestate } = shared;
  const { traceId, spanId, traceFlags } = span.spanContext();
  const isSampled = (traceFlags & TraceFlags.SAMPLED) !== 0;
  const context: TraceContext = {
    traceId,
    traceparent: toTraceparent(traceId, spanId, isSampled),
    tracestate,
  };
  const child = (name: string, { attributes = {}, kind, startedAtMs }: SpanOptions = {}): Span => {
    const started = tracer.startSpan(
      name,
      {
        kind: kind === 'client' ? SpanKind.CLIENT : SpanKind.INTERNAL,
        attributes: toOtel(attributes),
        startTime: offsetMs + (startedAtMs ?? performance.now()),
      },
      trace.setSpan(ROOT_CONTEXT, span),
    );
    return toSpan(shared, started);
  };
  return {
    context,
    child,
    rename: name => void span.updateName(name),
    set: attributes => void span.setAttributes(toOtel(attributes)),
    fail: code => {
      span.setAttribute('error.type', code);
      // By the conventions a client's own fault is no error of a server's span.
      const isOurs = !isErrorCode(code) || ERRORS[code].status >= FIRST_SERVER_FAULT;
      if (isOurs) span.setStatus({ code: SpanStatusCode.ERROR, message: code });
    },
    end: atMs => span.end(offsetMs + (atMs ?? performance.now())),
  };
}

function toOtel(attributes: SpanAttributes): Record<string, string | number | boolean | string[]> {
  return Object.fromEntries(
    Object.entries(attributes).map(([key, value]) => [key, typeof value === 'object' ? [...value] : value]),
  );
}
