// How long the model stays in memory while nobody asks it anything, and bringing it back. Knows no dialect.
import type { Backend } from '../backend/backend.js';
import type { Admission } from './admission.js';
import { workerReady } from './worker-ready.js';

/** A longer one makes Node's timers fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;
/** The worker still counts or embeds something that never stood in the line. */
const BUSY_RETRY_MS = 1_000;

export interface ResidencyOptions {
  readonly worker: Pick<Backend, 'load' | 'unload' | 'status' | 'onChange'>;
  /** All where somebody may wait for the worker. */
  readonly lines: readonly Pick<Admission, 'isQuiet' | 'onQuiet'>[];
  /** Of a model about which nobody has said otherwise since it was loaded; Infinity for ever. */
  readonly keepAliveMs: number;
}

export class Residency {
  readonly #options: ResidencyOptions;
  #keepAliveMs: number;
  #restingSinceMs = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #unloaded: Promise<void> = Promise.resolve();
  #wasReady = false;

  constructor(options: ResidencyOptions) {
    this.#options = options;
    this.#keepAliveMs = options.keepAliveMs;
    for (const line of options.lines) line.onQuiet(() => this.#rest());
    options.worker.onChange(({ state }) => {
      const isReady = state === 'ready';
      if (isReady && !this.#wasReady) this.#rest();
      this.#wasReady = isReady;
    });
  }

  /** From the end of what runs now, or from now; until somebody says otherwise or the model is unloaded. */
  keepFor(keepAliveMs: number): void {
    this.#keepAliveMs = keepAliveMs;
    this.#rest();
  }

  /** When the model goes if nobody asks it anything; null for never. */
  expiresAt(): Date | null {
    if (this.#keepAliveMs === Number.POSITIVE_INFINITY) return null;
    const restingMs = this.#isQuiet ? performance.now() - this.#restingSinceMs : 0;
    return new Date(Date.now() + Math.max(0, this.#keepAliveMs - restingMs));
  }

  /**
   * Brings the model into memory where it is not; resolves when it can be asked.
   * @throws AppError model_unavailable, shutting_down, or cancelled when the signal is aborted first.
   */
  async ready(signal: AbortSignal): Promise<void> {
    await workerReady(this.#options.worker, signal);
  }

  /** Takes the model out of memory: resolves when it is gone, or at once when that must wait for what runs or loads. */
  async unload(): Promise<void> {
    this.keepFor(0);
    await this.#unloaded;
  }

  get #isQuiet(): boolean {
    return this.#options.lines.every(line => line.isQuiet);
  }

  #rest(): void {
    this.#restingSinceMs = performance.now();
    this.#look();
  }

  #look(): void {
    clearTimeout(this.#timer);
    const { worker } = this.#options;
    if (!this.#isQuiet || worker.status().state !== 'ready') return;
    const leftMs = this.#restingSinceMs + this.#keepAliveMs - performance.now();
    if (leftMs <= 0) this.#unloaded = this.#unload();
    else if (leftMs !== Number.POSITIVE_INFINITY) this.#lookIn(leftMs);
  }

  #lookIn(ms: number): void {
    this.#timer = setTimeout(() => this.#look(), Math.min(Math.ceil(ms), MAX_TIMER_MS));
    this.#timer.unref();
  }

  async #unload(): Promise<void> {
    const { worker, keepAliveMs } = this.#options;
    const unloading = worker.unload();
    if (worker.status().state === 'ready') this.#lookIn(BUSY_RETRY_MS);
    else this.#keepAliveMs = keepAliveMs;
    await unloading;
  }
}
