// Tells when something has been silent for too long. Knows not what it watches.

/**
 * Feeding costs one assignment, so it may be done per token: the timer looks at the clock only when it fires.
 */
export class Watchdog {
  readonly #onSilence: () => void;
  #timeoutMs = 0;
  #fedAtMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #lastLook: NodeJS.Immediate | undefined;

  constructor(onSilence: () => void) {
    this.#onSilence = onSilence;
  }

  /** Starts the clock, anew if it was running. `onSilence` is called once, then it must be started again. */
  watch(timeoutMs: number): void {
    this.stop();
    this.#timeoutMs = timeoutMs;
    this.#fedAtMs = performance.now();
    this.#timer = setTimeout(this.#look, timeoutMs);
  }

  /** @param nowMs performance.now(), which callers on the hot path read once for many watchdogs. */
  feed(nowMs: number): void {
    this.#fedAtMs = nowMs;
  }

  stop(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#lastLook);
  }

  readonly #look = (): void => {
    if (this.#rearm()) return;
    // Timers run before the pipes are read: after a stall of our own, the signs of life may lie there unread.
    this.#lastLook = setImmediate(() => {
      if (!this.#rearm()) this.#onSilence();
    });
  };

  #rearm(): boolean {
    const remainingMs = this.#fedAtMs + this.#timeoutMs - performance.now();
    if (remainingMs <= 0) return false;
    this.#timer = setTimeout(this.#look, Math.ceil(remainingMs));
    return true;
  }
}
