// How late the event loop is. Knows no metric.
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Each look at the clock is a wake-up of an otherwise idle process. */
const RESOLUTION_MS = 20;

export interface EventLoopDelay {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface EventLoopMonitor {
  /** Since the last call. */
  take(): EventLoopDelay;
  stop(): void;
}

export function watchEventLoop(): EventLoopMonitor {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  // It measures from one look to the next: the time between them is no delay. Nothing measured is NaN or 0.
  const toDelay = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS) || 0;
  return {
    take: () => {
      const delay = {
        p50Ms: toDelay(histogram.percentile(50)),
        p99Ms: toDelay(histogram.percentile(99)),
        maxMs: toDelay(histogram.max),
      };
      histogram.reset();
      return delay;
    },
    stop: () => void histogram.disable(),
  };
}
