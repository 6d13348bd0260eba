// Who may run: a bounded p-queue whose concurrency is the worker's slots. Knows no worker and no HTTP.
import PQueue from 'p-queue';
import { AppError, toAppError } from '../errors.js';
import { createDeferred } from './deferred.js';

const SWEEP_INTERVAL_MS = 250;
const MIN_RETRY_AFTER_MS = 1_000;
const UNMEASURED_HOLD_MS = 5_000;

/** The right to run, or a place in the line for it. */
export interface Ticket {
  /** 1 is next; 0 once the slot is held. */
  position(): number;
  /** Resolves when the slot is held; rejects when the ticket left the line first. */
  readonly granted: Promise<void>;
  /**
   * Gives the slot back, when the worker itself has finished with the request or will never get it. Before the slot
   * is held it means that it is given back at once.
   */
  release(): void;
}

export interface AdmissionOptions {
  readonly maxWaiting: number;
  /** Longest wait; the clock starts at `enter` and rests while paused. */
  readonly waitTimeoutMs: number;
}

interface Waiting {
  readonly leave: (error: AppError) => void;
  readonly deadlineMs: number;
}

export class Admission {
  readonly #queue = new PQueue({ concurrency: 1, autoStart: false });
  readonly #options: AdmissionOptions;
  /** In order of arrival. */
  readonly #waiting = new Set<Waiting>();
  /** Those of them that could not use a slot yet. */
  readonly #preparing = new Set<Waiting>();
  readonly #quietListeners: (() => void)[] = [];
  #arrivals = 0;
  #refusal: AppError | null = null;
  #heldMs: number | null = null;
  /** Clock that only runs while slots are handed out. */
  #openMs = 0;
  #openedAtMs: number | null = null;
  #sweeper: NodeJS.Timeout | null = null;

  constructor(options: AdmissionOptions) {
    this.#options = options;
    this.#queue.on('idle', () => this.#tellQuiet());
  }

  get waiting(): number {
    return this.#queue.size + this.#preparing.size;
  }

  get running(): number {
    return this.#queue.pending;
  }

  get slots(): number {
    return this.#queue.concurrency;
  }

  /** Hands out slots from now on. */
  open(slots: number): void {
    this.#refusal = null;
    this.#openedAtMs ??= performance.now();
    this.#queue.concurrency = slots;
    this.#queue.start();
    this.#watchDeadlines();
  }

  /** Everyone waits: the worker is loading or restarting. */
  pause(): void {
    this.#refusal = null;
    this.#openMs = this.#clockMs();
    this.#openedAtMs = null;
    this.#queue.pause();
  }

  /** Nobody waits any more: those in line and those who come are told why. */
  refuse(error: AppError): void {
    this.pause();
    this.#refusal = error;
    for (const waiting of [...this.#waiting]) waiting.leave(error);
  }

  /** Nobody waits and no slot is held. */
  get isQuiet(): boolean {
    return this.waiting + this.running === 0;
  }

  /** Called whenever it has become quiet. */
  onQuiet(listener: () => void): void {
    this.#quietListeners.push(listener);
  }

  /** Resolves when no slot is held. */
  async idle(): Promise<void> {
    await this.#queue.onPendingZero();
  }

  /**
   * Takes a place in the line. The signal leaves the line while waiting and means nothing once the slot is held
   * (p-queue would free the slot of a task that is still running: measured, style.md fact 1).
   * @param prepared no slot is given before it resolves: until then others pass, and then the place in the line is
   * that of the arrival; when it rejects the ticket leaves with its error
   * @throws AppError queue_full, or what refuse() was told.
   */
  enter(signal: AbortSignal, prepared: Promise<unknown> | null = null): Ticket {
    this.requireRoom();
    if (signal.aborted) throw new AppError('cancelled', 'The client left.');
    return this.#join(signal, prepared);
  }

  /** @throws AppError queue_full, or what refuse() was told, when `enter` would now. */
  requireRoom(): void {
    if (this.#refusal) throw this.#refusal;
    const taken = this.#queue.pending + this.#preparing.size;
    const mustWait = this.#queue.isPaused || taken >= this.#queue.concurrency;
    if (mustWait && this.waiting >= this.#options.maxWaiting) {
      throw new AppError('queue_full', `The queue is full: ${this.waiting} requests are waiting.`, {
        retryAfterMs: this.#expectedWaitMs(),
      });
    }
  }

  #join(signal: AbortSignal, prepared: Promise<unknown> | null): Ticket {
    const leaving = new AbortController();
    const granted = createDeferred<void>();
    const released = createDeferred<void>();
    const leave = (error: AppError): void => {
      settle();
      granted.reject(error);
      leaving.abort(error);
    };
    const onAbort = (): void => leave(new AppError('cancelled', 'The client left while waiting.'));
    const waiting: Waiting = { leave, deadlineMs: this.#clockMs() + this.#options.waitTimeoutMs };
    const settle = (): void => {
      this.#waiting.delete(waiting);
      signal.removeEventListener('abort', onAbort);
      // It never was in p-queue, which then has nothing to tell.
      if (this.#preparing.delete(waiting)) this.#tellQuiet();
    };
    this.#waiting.add(waiting);
    signal.addEventListener('abort', onAbort, { once: true });
    this.#watchDeadlines();

    let heldSinceMs: number | null = null;
    const hold = async (): Promise<void> => {
      settle();
      heldSinceMs = performance.now();
      granted.resolve();
      await released.promise;
      this.#measure(performance.now() - heldSinceMs);
    };
    const priority = -this.#arrivals++;
    const queue = (): void => {
      this.#preparing.delete(waiting);
      // `leaving` is only ever aborted while waiting, so p-queue's own rejection repeats what `granted` already said.
      this.#queue.add(hold, { signal: leaving.signal, priority }).catch(() => {});
    };
    if (prepared === null) queue();
    else {
      this.#preparing.add(waiting);
      prepared.then(
        () => this.#preparing.has(waiting) && queue(),
        error => leave(toAppError(error)),
      );
    }
    granted.promise.catch(() => {});

    return {
      position: () => (heldSinceMs === null ? [...this.#waiting].indexOf(waiting) + 1 : 0),
      granted: granted.promise,
      release: released.resolve,
    };
  }

  #tellQuiet(): void {
    if (!this.isQuiet) return;
    for (const listener of this.#quietListeners) listener();
  }

  #measure(heldMs: number): void {
    this.#heldMs = this.#heldMs === null ? heldMs : this.#heldMs * 0.8 + heldMs * 0.2;
  }

  #expectedWaitMs(): number {
    const rounds = (this.waiting + 1) / this.#queue.concurrency;
    return Math.max(MIN_RETRY_AFTER_MS, (this.#heldMs ?? UNMEASURED_HOLD_MS) * rounds);
  }

  #clockMs(): number {
    return this.#openMs + (this.#openedAtMs === null ? 0 : performance.now() - this.#openedAtMs);
  }

  #watchDeadlines(): void {
    if (this.#sweeper !== null) return;
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_INTERVAL_MS);
    this.#sweeper.unref();
  }

  #sweep(): void {
    const nowMs = this.#clockMs();
    for (const waiting of this.#waiting) {
      if (waiting.deadlineMs > nowMs) break;
      waiting.leave(
        new AppError('queue_timeout', `Waited ${this.#options.waitTimeoutMs} ms for a slot.`, {
          retryAfterMs: this.#expectedWaitMs(),
        }),
      );
    }
    if (this.#waiting.size === 0 && this.#sweeper !== null) {
      clearInterval(this.#sweeper);
      this.#sweeper = null;
    }
  }
}
