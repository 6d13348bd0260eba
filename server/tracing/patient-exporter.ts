// Sends spans and bears that nobody takes them: one warning a minute, and they are lost. Knows no span.
import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import type { SpanExporter } from '@opentelemetry/sdk-trace-base';
import type { Warn } from './tracing.js';

const WARN_INTERVAL_MS = 60_000;

export function createPatientExporter(exporter: SpanExporter, url: string, warn: Warn): SpanExporter {
  let warnedAtMs = Number.NEGATIVE_INFINITY;
  let lost = 0;
  const note = (count: number, { code, error }: ExportResult): void => {
    if (code === ExportResultCode.SUCCESS) return;
    lost += count;
    const nowMs = performance.now();
    if (nowMs - warnedAtMs < WARN_INTERVAL_MS) return;
    warnedAtMs = nowMs;
    warn(`Spans were not taken by ${url}`, { lost, error: error?.message });
    lost = 0;
  };
  return {
    export: (spans, done) => {
      exporter.export(spans, result => {
        note(spans.length, result);
        done(result);
      });
    },
    forceFlush: async () => exporter.forceFlush?.(),
    shutdown: () => exporter.shutdown(),
  };
}
