// What /metrics has said of late, as figures over time. Knows neither the network nor a chart.
import type { MetricName } from '../../../server/metrics/catalog.js';
import {
  addBuckets,
  type Buckets,
  bucketsOf,
  increaseOf,
  parseMetrics,
  quantileOf,
  type Sample,
  sumOf,
} from './metrics-text.js';

/** At one moment; null where that is not known or nothing was measured. */
export interface Figures {
  readonly atMs: number;
  readonly tokensPerSecond: number | null;
  readonly firstTokenP50: number | null;
  readonly firstTokenP95: number | null;
  readonly gapP50: number | null;
  readonly gapP95: number | null;
  readonly running: number | null;
  readonly waiting: number | null;
  readonly workerBytes: number | null;
  readonly restarts: number | null;
  readonly recycles: number | null;
  readonly gatewayBytes: number | null;
  readonly heapBytes: number | null;
  readonly delayP50: number | null;
  readonly delayP99: number | null;
  readonly delayWorst: number | null;
}

export type FigureName = Exclude<keyof Figures, 'atMs'>;

/** One look, and what has happened since the one before. */
interface Step {
  readonly figures: Figures;
  /** Of the look before; null where there is none near enough. */
  readonly fromMs: number | null;
  readonly pieces: number;
  readonly firstTokens: Buckets | null;
  readonly gaps: Buckets | null;
}

interface Counted {
  readonly atMs: number;
  readonly startedAt: number | null;
  readonly firstTokens: Buckets | null;
  readonly gaps: Buckets | null;
}

export const KEPT_MS = 15 * 60_000;
/** Speed of the last seconds, as /v1/queue tells it. */
const SPEED_WINDOW_MS = 10_000;
/** Answers begin less often than tokens come. */
const QUANTILE_WINDOW_MS = 60_000;
/** Looks further apart have a hole between them, in which this page was hidden or the gateway away. */
const HOLE_MS = 10_000;

export class MachineHistory {
  #steps: readonly Step[] = [];
  #last: Counted | null = null;

  /** Oldest first. */
  get figures(): readonly Figures[] {
    return this.#steps.map(({ figures }) => figures);
  }

  /** @param text of /metrics at that moment */
  add(text: string, atMs: number): void {
    const samples = parseMetrics(text);
    const now = toCounted(samples, atMs);
    const step = this.#stepTo(now);
    const kept = this.#steps.filter(({ figures }) => figures.atMs > atMs - KEPT_MS);
    const recent = [...kept, step];
    const figures: Figures = { ...gauges(samples), ...rates(recent, atMs), atMs };
    this.#steps = [...kept, { ...step, figures }];
    this.#last = now;
  }

  #stepTo(now: Counted): Step {
    const { atMs } = now;
    const figures = { ...EMPTY, atMs };
    const last = this.#last;
    if (last === null || atMs <= last.atMs || atMs - last.atMs > HOLE_MS) {
      return { figures, fromMs: null, pieces: 0, firstTokens: null, gaps: null };
    }
    const isAnew = now.startedAt !== last.startedAt;
    const gaps = now.gaps && increaseOf(last.gaps, now.gaps, isAnew);
    return {
      figures,
      fromMs: last.atMs,
      pieces: gaps?.counts.at(-1) ?? 0,
      firstTokens: now.firstTokens && increaseOf(last.firstTokens, now.firstTokens, isAnew),
      gaps,
    };
  }
}

const EMPTY: Omit<Figures, 'atMs'> = {
  tokensPerSecond: null,
  firstTokenP50: null,
  firstTokenP95: null,
  gapP50: null,
  gapP95: null,
  running: null,
  waiting: null,
  workerBytes: null,
  restarts: null,
  recycles: null,
  gatewayBytes: null,
  heapBytes: null,
  delayP50: null,
  delayP99: null,
  delayWorst: null,
};

const numberOf = (
  samples: readonly Sample[],
  name: MetricName,
  labels?: Readonly<Record<string, string>>,
): number | null => sumOf(samples, name, labels);

const histogramOf = (samples: readonly Sample[], name: MetricName): Buckets | null =>
  bucketsOf(samples, name);

function toCounted(samples: readonly Sample[], atMs: number): Counted {
  return {
    atMs,
    startedAt: numberOf(samples, 'minivault_start_time_seconds'),
    firstTokens: histogramOf(samples, 'minivault_time_to_first_token_seconds'),
    gaps: histogramOf(samples, 'minivault_inter_token_gap_seconds'),
  };
}

function gauges(samples: readonly Sample[]): Omit<Figures, 'atMs' | keyof ReturnType<typeof rates>> {
  const line = { line: 'generation' };
  const delay = (quantile: string): number | null =>
    numberOf(samples, 'minivault_event_loop_delay_seconds', { quantile });
  return {
    running: numberOf(samples, 'minivault_running_requests', line),
    waiting: numberOf(samples, 'minivault_waiting_requests', line),
    // 0 where there is no process.
    workerBytes: numberOf(samples, 'minivault_worker_resident_bytes') || null,
    restarts: numberOf(samples, 'minivault_worker_restarts_total'),
    recycles: numberOf(samples, 'minivault_worker_recycles_total'),
    gatewayBytes: numberOf(samples, 'minivault_gateway_resident_bytes'),
    heapBytes: numberOf(samples, 'minivault_gateway_heap_bytes'),
    delayP50: delay('0.5'),
    delayP99: delay('0.99'),
    delayWorst: delay('1'),
  };
}

function rates(steps: readonly Step[], atMs: number) {
  const within = (windowMs: number): Step[] =>
    steps.filter(({ fromMs }) => fromMs !== null && fromMs >= atMs - windowMs);
  const quantiles = within(QUANTILE_WINDOW_MS);
  const firstTokens = addBuckets(quantiles.flatMap(step => step.firstTokens ?? []));
  const gaps = addBuckets(quantiles.flatMap(step => step.gaps ?? []));
  const of = (buckets: Buckets | null, share: number): number | null => buckets && quantileOf(buckets, share);
  return {
    tokensPerSecond: speedOf(within(SPEED_WINDOW_MS)),
    firstTokenP50: of(firstTokens, 0.5),
    firstTokenP95: of(firstTokens, 0.95),
    gapP50: of(gaps, 0.5),
    gapP95: of(gaps, 0.95),
  };
}

/** Pieces of answers are counted as they come, tokens only when an answer has ended. */
function speedOf(steps: readonly Step[]): number | null {
  const spanMs = steps.reduce((sum, { figures, fromMs }) => sum + figures.atMs - (fromMs ?? 0), 0);
  if (spanMs <= 0) return null;
  return steps.reduce((sum, { pieces }) => sum + pieces, 0) / (spanMs / 1_000);
}

/** Times in seconds with the values of each figure, as a chart takes them; a hole in the looks is one in the lines. */
export function toColumns(
  figures: readonly Figures[],
  names: readonly FigureName[],
): [number[], ...(number | null)[][]] {
  const rows = figures.flatMap((now, at): Figures[] => {
    const before = figures[at - 1];
    const isHole = before !== undefined && now.atMs - before.atMs > HOLE_MS;
    return isHole ? [{ ...EMPTY, atMs: before.atMs + 1 }, now] : [now];
  });
  return [rows.map(({ atMs }) => atMs / 1_000), ...names.map(name => rows.map(row => row[name]))];
}
