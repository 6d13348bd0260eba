// The metrics of one gateway: what its parts tell, what they are asked, and both as text. Knows no HTTP.
import { Registry } from 'prom-client';
import type { Recorder } from '../domain/recorder.js';
import { METRICS } from './catalog.js';
import { watchEventLoop } from './event-loop.js';
import { createInstruments } from './instruments.js';
import { createRecording } from './recording.js';
import { createCollection, type Sources } from './sources.js';
import { StepHistogram } from './step-histogram.js';

const GAP = 'minivault_inter_token_gap_seconds';

export type ExpositionFormat = 'prometheus' | 'openmetrics';

export interface Exposition {
  readonly contentType: string;
  readonly text: string;
}

export interface GatewayMetrics {
  /** For whoever has something to count. */
  readonly recorder: Recorder;
  /** From now on these are asked, too. Once. */
  watch(sources: Sources & { readonly model: () => string }): void;
  expose(format: ExpositionFormat): Promise<Exposition>;
  close(): void;
}

export function createMetrics(version: string): GatewayMetrics {
  const registry = new Registry();
  let model = (): string => 'unknown';
  const { help, buckets, labels: labelNames } = METRICS[GAP];
  const gaps = new StepHistogram({
    name: GAP,
    help,
    buckets,
    registry,
    labelNames,
    labels: () => ({ model: model() }),
  });
  const instruments = createInstruments(registry, new Set([GAP]));
  const eventLoop = watchEventLoop();
  let collect = async (): Promise<void> => {};

  instruments.gauge('minivault_build_info').set({ version, node: process.version }, 1);
  instruments.gauge('minivault_start_time_seconds').set(Date.now() / 1000 - process.uptime());
  return {
    recorder: createRecording({ instruments, gap: seconds => gaps.add(seconds), model: () => model() }),
    watch: sources => {
      model = sources.model;
      collect = createCollection(instruments, sources, eventLoop);
    },
    expose: async format => {
      await collect();
      const text = await registry.metrics();
      if (format === 'prometheus') return { contentType: Registry.PROMETHEUS_CONTENT_TYPE, text };
      return { contentType: Registry.OPENMETRICS_CONTENT_TYPE, text: toOpenMetrics(text) };
    },
    close: () => eventLoop.stop(),
  };
}

/**
 * prom-client writes one format a registry, and takes the `_total` from its counters' names for good when it is this one.
 * The text differs in that, in its empty lines and in its end.
 */
function toOpenMetrics(text: string): string {
  const lines = text.split('\n').filter(line => line !== '');
  return `${lines.map(line => line.replace(/^(# (?:HELP|TYPE) \S+)_total /, '$1 ')).join('\n')}\n# EOF\n`;
}
