// Whether and where spans go, as the settings say. OpenTelemetry is loaded only when they go somewhere.
import type { Tracer } from '../domain/trace.js';
import { UNTRACED } from './untraced.js';

export type Warn = (message: string, fields: Readonly<Record<string, unknown>>) => void;

export interface TracingOptions {
  /** Of an OTLP/HTTP collector, without `/v1/traces`; null for no tracing. */
  readonly endpoint: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly serviceName: string;
  readonly version: string;
  /** Of the traces that begin here, the part that is kept, 0 to 1; those of clients follow the client. */
  readonly ratio: number;
  /** Told once a minute at most when the collector takes nothing. */
  readonly warn: Warn;
}

/** The settings that it takes; config.ts has them. */
export interface TracingConfig {
  readonly OTEL_EXPORTER_OTLP_ENDPOINT: string | null;
  readonly OTEL_EXPORTER_OTLP_HEADERS: Readonly<Record<string, string>> | null;
  readonly OTEL_SERVICE_NAME: string;
  readonly OTEL_TRACES_SAMPLER_ARG: number;
}

export interface Tracing {
  readonly tracer: Tracer;
  /** Sends what is left; resolves after a second at the latest. */
  close(): Promise<void>;
}

export async function createTracing(options: TracingOptions): Promise<Tracing> {
  if (options.endpoint === null) return { tracer: UNTRACED, close: async () => {} };
  const { createOtelTracing } = await import('./otel-tracing.js');
  return createOtelTracing({ ...options, endpoint: options.endpoint });
}

/** What the settings say. */
export function tracingOptionsFrom(
  config: TracingConfig,
): Pick<TracingOptions, 'endpoint' | 'headers' | 'serviceName' | 'ratio'> {
  return {
    endpoint: config.OTEL_EXPORTER_OTLP_ENDPOINT,
    headers: config.OTEL_EXPORTER_OTLP_HEADERS ?? {},
    serviceName: config.OTEL_SERVICE_NAME,
    ratio: config.OTEL_TRACES_SAMPLER_ARG,
  };
}
