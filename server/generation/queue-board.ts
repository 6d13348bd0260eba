// The line as it may be seen: snapshots for those who ask, and a stream of them for those who watch. Knows no wire format.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Backend } from '../backend/backend.js';
import type { QueueItem, QueuePlace, QueueSnapshot, QueueViewer } from '../domain/queue.js';
import type { AppError } from '../errors.js';
import type { Admission } from './admission.js';
import type { LiveExchange, LiveExchanges } from './live-exchanges.js';

/** Between two looks: four snapshots a second at most. */
const LOOK_INTERVAL_MS = 250;

export interface QueueEvent {
  readonly type: 'queue';
  readonly snapshot: QueueSnapshot;
}

export interface QueueBoardParts {
  readonly admission: Pick<Admission, 'waiting' | 'running' | 'slots'>;
  readonly worker: Pick<Backend, 'status'>;
  readonly live: LiveExchanges;
}

export class QueueBoard {
  readonly #parts: QueueBoardParts;
  readonly #closing = new AbortController();
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
   * @throws AppError what `close` was told
   */
  async *watch(viewer: QueueViewer, signal: AbortSignal): AsyncGenerator<readonly QueueEvent[]> {
    const ending = AbortSignal.any([signal, this.#closing.signal]);
    let told = '';
    while (!signal.aborted) {
      if (this.#closed) throw this.#closed;
      const snapshot = this.snapshot(viewer);
      const seen = withoutTimes(snapshot);
      if (seen !== told) yield [{ type: 'queue', snapshot }];
      told = seen;
      await sleep(LOOK_INTERVAL_MS, undefined, { signal: ending }).catch(() => {});
    }
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

function toPlace({ position, phase }: QueueItem): QueuePlace {
  return { position, phase };
}

const TIMES: ReadonlySet<string> = new Set(['waitedMs', 'estimatedWaitMs', 'tokensPerSecond']);

function withoutTimes(snapshot: QueueSnapshot): string {
  return JSON.stringify(snapshot, (key, value: unknown) => (TIMES.has(key) ? undefined : value));
}
