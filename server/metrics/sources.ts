// What is asked when somebody looks at the metrics, and put into gauges then. Knows no part but by what it tells.
import type { EventLoopMonitor } from './event-loop.js';
import type { Instruments } from './instruments.js';

const WORKER_STATES = ['starting', 'ready', 'unloaded', 'restarting', 'failed', 'stopped'] as const;
const DATABASE_STATES = ['opening', 'ready', 'away', 'refused', 'off', 'closed'] as const;
/** A database that hangs must not keep the other figures back. */
const BEHIND_TIMEOUT_MS = 1_000;

export interface WorkerFigures {
  readonly state: (typeof WORKER_STATES)[number];
  readonly restarts: number;
  readonly recycles: number;
  readonly rssBytes: number | null;
  readonly protocolFaults: Readonly<Record<string, number>>;
  readonly upstream: { readonly isDown: boolean } | null;
}

export interface LineFigures {
  readonly slots: number;
  readonly running: number;
  readonly waiting: number;
}

export interface Sources {
  worker(): WorkerFigures;
  /** By the name that their label has. */
  readonly lines: Readonly<Record<string, LineFigures>>;
  log(): { readonly degraded: boolean; readonly spooled: number; readonly dropped: number };
  database(): { readonly state: (typeof DATABASE_STATES)[number]; readonly exchanges: number };
  /** Rejects, or takes long, while the database is away. */
  behindBytes(): Promise<number>;
}

/** @returns what brings all gauges up to date */
export function createCollection(
  instruments: Instruments,
  sources: Sources,
  eventLoop: EventLoopMonitor,
): () => Promise<void> {
  const { gauge, counter } = instruments;
  const setCount = (name: Parameters<typeof counter>[0], value: number): void => {
    const made = counter(name);
    made.reset();
    made.inc(value);
  };
  const setState = (
    name: 'minivault_worker_state' | 'minivault_database_state',
    states: readonly string[],
    current: string,
  ): void => {
    for (const state of states) gauge(name).set({ state }, state === current ? 1 : 0);
  };

  const collectWorker = (): void => {
    const { state, restarts, recycles, rssBytes, protocolFaults, upstream } = sources.worker();
    setState('minivault_worker_state', WORKER_STATES, state);
    setCount('minivault_worker_restarts_total', restarts);
    setCount('minivault_worker_recycles_total', recycles);
    gauge('minivault_worker_resident_bytes').set(rssBytes ?? 0);
    const faults = counter('minivault_worker_faults_total');
    faults.reset();
    for (const [kind, count] of Object.entries(protocolFaults)) faults.inc({ kind }, count);
    gauge('minivault_upstream_down').set(upstream?.isDown ? 1 : 0);
  };
  const collectLines = (): void => {
    for (const [line, { slots, running, waiting }] of Object.entries(sources.lines)) {
      gauge('minivault_slots').set({ line }, slots);
      gauge('minivault_running_requests').set({ line }, running);
      gauge('minivault_waiting_requests').set({ line }, waiting);
    }
  };
  const collectStore = (behindBytes: number | null): void => {
    const { degraded, spooled, dropped } = sources.log();
    gauge('minivault_log_degraded').set(degraded ? 1 : 0);
    gauge('minivault_log_spooled_exchanges').set(spooled);
    setCount('minivault_log_dropped_exchanges_total', dropped);
    const { state, exchanges } = sources.database();
    setState('minivault_database_state', DATABASE_STATES, state);
    setCount('minivault_database_exchanges_total', exchanges);
    const behind = gauge('minivault_database_behind_bytes');
    if (behindBytes === null) behind.remove();
    else behind.set(behindBytes);
  };
  const collectProcess = (): void => {
    const { rss, heapUsed } = process.memoryUsage();
    gauge('minivault_gateway_resident_bytes').set(rss);
    gauge('minivault_gateway_heap_bytes').set(heapUsed);
    const { user, system } = process.cpuUsage();
    setCount('minivault_gateway_cpu_seconds_total', (user + system) / 1e6);
    const { p50Ms, p99Ms, maxMs } = eventLoop.take();
    const delay = gauge('minivault_event_loop_delay_seconds');
    for (const [quantile, ms] of Object.entries({ '0.5': p50Ms, '0.99': p99Ms, '1': maxMs })) {
      delay.set({ quantile }, ms / 1000);
    }
  };

  return async () => {
    const behindBytes = sources.database().state === 'ready' ? await inTime(sources.behindBytes()) : null;
    collectWorker();
    collectLines();
    collectStore(behindBytes);
    collectProcess();
  };
}

async function inTime(asked: Promise<number>): Promise<number | null> {
  let timer: NodeJS.Timeout | undefined;
  const elapsed = new Promise<null>(resolve => {
    timer = setTimeout(() => resolve(null), BEHIND_TIMEOUT_MS);
  });
  const answer = asked.catch(() => null);
  return Promise.race([answer, elapsed]).finally(() => clearTimeout(timer));
}
