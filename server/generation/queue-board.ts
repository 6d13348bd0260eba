// The line as it may be seen: snapshots for those who ask, and a stream of them for those who watch. Knows no wire format.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Backend } from '../backend/backend.js';
import type { QueueItem, QueuePlace, QueueSnapshot, QueueViewer } from '../domain/queue.js';
import { AppError } from '../errors.js';
import type { Admission } from './admission.js';
import type { LiveExchange, LiveExchanges } from './live-exchanges.js';

/** Between two looks: four snapshots a second at most. */
const LOOK_INTERVAL_MS = 250;
/** Those who look at the same moment see the same: one look costs a millisecond where 512 wait. */
const SAME_MOMENT_MS = 100;
const RETRY_WHEN_CROWDED_MS = 5_000;

export interface QueueEvent {
  readonly type: 'queue';
  readonly snapshot: QueueSnapshot;
}

export interface QueueBoardParts {
  readonly admission: Pick<Admission, 'waiting' | 'running' | 'slots'>;
  readonly worker: Pick<Backend, 'status'>;
  readonly live: LiveExchanges;
  readonly maxWatchers: number;
  readonly maxWatchersOfCaller: number;
}

/** What those see who may see the same, at one moment. */
interface View {
  readonly atMs: number;
  readonly snapshot: QueueSnapshot;
  readonly withoutTimes: string;
}

export class QueueBoard {
  readonly #parts: QueueBoardParts;
  readonly #closing = new AbortController();
  readonly #watchers = new Map<QueueViewer, string>();
  readonly #views = new Map<string, View>();
  #closed: AppError | null = null;

  constructor(parts: QueueBoardParts) {
    this.#parts = parts;
  }

  snapshot(viewer: QueueViewer): QueueSnapshot {
    const { admission, worker, live } = this.#parts;
    const { state, loading, model } = worker.status();
    return {
      waiting: admission.waiting,
      running: admission.running,
      // Nothing can run on those of a worker that is not there.
      slots: state === 'ready' ? admission.slots : 0,
      tokensPerSecond: live.tokensPerSecond(),
      model: { id: model?.id ?? null, state, loading },
      items: live.items().map(item => (maySee(viewer, item) ? item : toPlace(item))),
    };
  }

  /**
   * A snapshot at once, and one after every change but that of time, four a second at most; until the signal or `close`.
   * @throws AppError too_many_streams before the first; what `close` was told
   */
  async *watch(viewer: QueueViewer, signal: AbortSignal): AsyncGenerator<readonly QueueEvent[]> {
    const watcher = { ...viewer };
    const ending = AbortSignal.any([signal, this.#closing.signal]);
    this.#admit(watcher);
    try {
      let told = '';
      while (!signal.aborted) {
        if (this.#closed) throw this.#closed;
        const view = this.#look(viewer);
        if (view.withoutTimes !== told) yield [{ type: 'queue', snapshot: view.snapshot }];
        told = view.withoutTimes;
        await sleep(LOOK_INTERVAL_MS, undefined, { signal: ending }).catch(() => {});
      }
    } finally {
      this.#watchers.delete(watcher);
      if (this.#watchers.size === 0) this.#views.clear();
    }
  }

  #admit(watcher: QueueViewer): void {
    const { maxWatchers, maxWatchersOfCaller } = this.#parts;
    const name = nameOf(watcher);
    const own = [...this.#watchers.values()].filter(other => other === name).length;
    const isCrowded = watcher.name !== null && own >= maxWatchersOfCaller;
    if (isCrowded || this.#watchers.size >= maxWatchers) {
      const retryAfterMs = RETRY_WHEN_CROWDED_MS;
      const message = `${isCrowded ? own : this.#watchers.size} streams of the line are open.`;
      throw new AppError('too_many_streams', message, { retryAfterMs });
    }
    this.#watchers.set(watcher, name);
  }

  #look(viewer: QueueViewer): View {
    const atMs = performance.now();
    const known = this.#views.get(nameOf(viewer));
    if (known && atMs - known.atMs < SAME_MOMENT_MS) return known;
    const snapshot = this.snapshot(viewer);
    const view = { atMs, snapshot, withoutTimes: withoutTimes(snapshot) };
    this.#views.set(nameOf(viewer), view);
    return view;
  }

  /** Ends an exchange, waiting or running. False when the viewer has none of that id. */
  cancel(id: string, viewer: QueueViewer): boolean {
    const exchange = this.#parts.live.get(id);
    if (exchange === undefined || !maySee(viewer, exchange)) return false;
    exchange.cancel();
    return true;
  }

  /** All who watch are told that it ends, and those who come. */
  close(error: AppError): void {
    this.#closed = error;
    this.#closing.abort();
  }
}

function maySee({ name, role }: QueueViewer, { caller }: Pick<LiveExchange, 'caller'>): boolean {
  return role === 'admin' || caller === name;
}

/** Of all who may see the same. */
function nameOf({ name, role }: QueueViewer): string {
  return JSON.stringify([role, name]);
}

function toPlace({ position, phase }: QueueItem): QueuePlace {
  return { position, phase };
}

const TIMES: ReadonlySet<string> = new Set(['waitedMs', 'estimatedWaitMs', 'tokensPerSecond']);

function withoutTimes(snapshot: QueueSnapshot): string {
  return JSON.stringify(snapshot, (key, value: unknown) => (TIMES.has(key) ? undefined : value));
}
