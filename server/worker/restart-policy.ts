// When a worker that died is started again, and when it is given up for now. Knows no process.

const FIRST_DELAY_MS = 250;
const JITTER = 0.5;
const MAX_DELAY_MS = 30_000;
const STABLE_AFTER_MS = 60_000;
const CIRCUIT_DEATHS = 5;
const CIRCUIT_WINDOW_MS = 300_000;
export const SLOW_RETRY_MS = 60_000;
const MAX_SLOW_RETRY_MS = 600_000;

export interface Restart {
  readonly delayMs: number;
  /** True: the circuit is open, nobody should wait for this restart. */
  readonly isGivenUp: boolean;
}

/**
 * 250 ms to 30 s, doubling, each up to half longer by chance; forgotten after 60 s of being ready or one whole answer
 * (ten kills in a row with answers between them cost 30 s of waiting each without the latter). Five deaths in five
 * minutes without having been ready in between, or a fault that stays, mean slow retries from 60 s to 10 min until it
 * is ready.
 */
export class RestartPolicy {
  readonly #random: () => number;
  #exponent = 0;
  #slowExponent = 0;
  #earlyDeathsAtMs: number[] = [];

  /** @param random uniform in [0, 1). */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** A worker that gave a whole answer is no crash loop, however soon it dies. */
  onAnswer(): void {
    this.#exponent = 0;
  }

  /** @param readyForMs null when it died before it was ready. */
  onDeath(readyForMs: number | null, isPermanent: boolean, nowMs: number): Restart {
    if (readyForMs === null) {
      this.#earlyDeathsAtMs = this.#earlyDeathsAtMs.filter(atMs => nowMs - atMs < CIRCUIT_WINDOW_MS);
      this.#earlyDeathsAtMs.push(nowMs);
    } else {
      this.#earlyDeathsAtMs = [];
      this.#slowExponent = 0;
      if (readyForMs >= STABLE_AFTER_MS) this.#exponent = 0;
    }
    const isOpen = this.#slowExponent > 0 || this.#earlyDeathsAtMs.length >= CIRCUIT_DEATHS;
    if (isPermanent || isOpen) {
      const delayMs = Math.min(MAX_SLOW_RETRY_MS, SLOW_RETRY_MS * 2 ** this.#slowExponent);
      this.#slowExponent += 1;
      return { delayMs, isGivenUp: true };
    }
    const delayMs = FIRST_DELAY_MS * 2 ** this.#exponent * (1 + JITTER * this.#random());
    this.#exponent += 1;
    return { delayMs: Math.min(MAX_DELAY_MS, delayMs), isGivenUp: false };
  }
}
