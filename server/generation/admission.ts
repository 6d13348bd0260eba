// Who may run: a bounded p-queue whose concurrency is the worker's slots, and in which callers take turns. Knows no
// worker and no HTTP.
import PQueue from 'p-queue';
import { AppError, toAppError } from '../errors.js';
import { createDeferred } from './deferred.js';
import { idOf, type TurnOptions, turnQueueOf } from './turn-queue.js';
import { Turns } from './turns.js';
import { estimateWaitMs } from './wait-estimate.js';

const SWEEP_INTERVAL_MS = 250;
const MIN_RETRY_AFTER_MS = 1_000;
const UNMEASURED_HOLD_MS = 5_000;

/** The right to run, or a place in the line for it. */
export interface Ticket {
  /** 1 is next; 0 once the slot is held, or the line was left. */
  position(): number;
  /** From now to the slot, as fast as things go; null while that is not known: nothing was measured, or nothing moves. */
  estimatedWaitMs(): number | null;
  /** Resolves when the slot is held; rejects when the ticket left the line first. */
  readonly granted: Promise<void>;
  /**
   * Gives the slot back, when the worker itself has finished with the request or will never get it. Before the slot
   * is held it means that it is given back at once.
   */
  release(): void;
}

export interface EnterOptions {
  /** Whose turn it takes. */
  readonly share?: string | undefined;
  /**
   * No slot is given before it resolves: until then others pass, and then the place in the line is that of the arrival;
   * when it rejects the ticket leaves with its error.
   */
  readonly prepared?: Promise<unknown> | null;
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

type TurnQueue = InstanceType<ReturnType<typeof turnQueueOf>>;

export class Admission {
  readonly #turns = new Turns();
  readonly #queue = new PQueue<TurnQueue, TurnOptions>({
    concurrency: 1,
    autoStart: false,
    queueClass: turnQueueOf(this.#turns),
  });
  readonly #options: AdmissionOptions;
  /** In order of arrival. */
  readonly #waiting = new Set<Waiting>();
  readonly #quietListeners: (() => void)[] = [];
  /** By ticket: since when its slot is held. */
  readonly #holds = new Map<Waiting, number>();
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
    return this.#turns.size;
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
   * @throws AppError queue_full, or what refuse() was told.
   */
  enter(signal: AbortSignal, options: EnterOptions = {}): Ticket {
    this.requireRoom();
    if (signal.aborted) throw new AppError('cancelled', 'The client left.');
    return this.#join(signal, options);
  }

  /** @throws AppError queue_full, or what refuse() was told, when `enter` would now. */
  requireRoom(): void {
    if (this.#refusal) throw this.#refusal;
    const preparing = this.#turns.size - this.#turns.startable;
    const mustWait = this.#queue.isPaused || this.#queue.pending + preparing >= this.#queue.concurrency;
    if (mustWait && this.waiting >= this.#options.maxWaiting) {
      throw new AppError('queue_full', `The queue is full: ${this.waiting} requests are waiting.`, {
        retryAfterMs: this.#retryAfterMs(),
      });
    }
  }

  #join(signal: AbortSignal, { share = '', prepared = null }: EnterOptions): Ticket {
    const leaving = new AbortController();
    const granted = createDeferred<void>();
    const released = createDeferred<void>();
    const place = this.#turns.join(share, performance.now());
    const leave = (error: AppError): void => {
      settle();
      granted.reject(error);
      leaving.abort(error);
      // One that never was in p-queue is still there, and p-queue has nothing to tell.
      if (this.#turns.leave(place)) this.#tellQuiet();
    };
    const onAbort = (): void => leave(new AppError('cancelled', 'The client left while waiting.'));
    const waiting: Waiting = { leave, deadlineMs: this.#clockMs() + this.#options.waitTimeoutMs };
    const settle = (): void => {
      this.#waiting.delete(waiting);
      signal.removeEventListener('abort', onAbort);
    };
    this.#waiting.add(waiting);
    signal.addEventListener('abort', onAbort, { once: true });
    this.#watchDeadlines();

    const hold = async (): Promise<void> => {
      settle();
      const sinceMs = performance.now();
      this.#holds.set(waiting, sinceMs);
      granted.resolve();
      await released.promise;
      this.#holds.delete(waiting);
      this.#measure(performance.now() - sinceMs);
    };
    const queue = (): void => {
      if (!this.#waiting.has(waiting)) return;
      // `leaving` is only ever aborted while waiting, so p-queue's own rejection repeats what `granted` already said.
      this.#queue.add(hold, { id: idOf(place), place, signal: leaving.signal }).catch(() => {});
    };
    if (prepared === null) queue();
    else prepared.then(queue, error => leave(toAppError(error)));
    granted.promise.catch(() => {});

    const position = (): number => this.#turns.positionOf(place, performance.now());
    return {
      position,
      estimatedWaitMs: () => this.#estimatedWaitMs(position()),
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

  #estimatedWaitMs(position: number): number | null {
    if (position === 0) return 0;
    if (this.#heldMs === null || this.#openedAtMs === null) return null;
    const nowMs = performance.now();
    return Math.round(
      estimateWaitMs(position, {
        slots: this.#queue.concurrency,
        heldMs: this.#heldMs,
        elapsedMs: [...this.#holds.values()].map(sinceMs => nowMs - sinceMs),
      }),
    );
  }

  /** When one more would have had its turn. */
  #retryAfterMs(): number {
    const unmeasuredMs = (UNMEASURED_HOLD_MS * (this.waiting + 1)) / this.#queue.concurrency;
    return Math.max(MIN_RETRY_AFTER_MS, this.#estimatedWaitMs(this.waiting + 1) ?? unmeasuredMs);
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
          retryAfterMs: this.#retryAfterMs(),
        }),
      );
    }
    if (this.#waiting.size === 0 && this.#sweeper !== null) {
      clearInterval(this.#sweeper);
      this.#sweeper = null;
    }
  }
}
