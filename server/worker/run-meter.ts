// The gateway's own figures of one delivery of a run, for when the worker could not tell its own.
import type { Timings, Usage } from '../domain/generation.js';

export class RunMeter {
  #sentAtMs = 0;
  #startedAtMs: number | null = null;
  #firstTokenAtMs: number | null = null;
  #lastTokenAtMs = 0;
  #promptTokens = 0;
  #cachedTokens = 0;
  #completionTokens = 0;

  sent(nowMs: number): void {
    this.#sentAtMs = nowMs;
  }

  started(promptTokens: number, cachedTokens: number, nowMs: number): void {
    this.#startedAtMs = nowMs;
    this.#promptTokens = promptTokens;
    this.#cachedTokens = cachedTokens;
  }

  /** @returns milliseconds since the tokens before; null for the first */
  tokens(count: number, nowMs: number): number | null {
    const gapMs = this.#firstTokenAtMs === null ? null : nowMs - this.#lastTokenAtMs;
    this.#firstTokenAtMs ??= nowMs;
    this.#lastTokenAtMs = nowMs;
    this.#completionTokens += count;
    return gapMs;
  }

  /** True once the worker has acknowledged the run. */
  get isStarted(): boolean {
    return this.#startedAtMs !== null;
  }

  get hasTokens(): boolean {
    return this.#firstTokenAtMs !== null;
  }

  usage(): Usage {
    return {
      promptTokens: this.#promptTokens,
      cachedTokens: this.#cachedTokens,
      completionTokens: this.#completionTokens,
    };
  }

  timings(): Timings {
    const startedAtMs = this.#startedAtMs ?? this.#sentAtMs;
    const firstTokenAtMs = this.#firstTokenAtMs ?? startedAtMs;
    return {
      queueMs: startedAtMs - this.#sentAtMs,
      prefillMs: firstTokenAtMs - startedAtMs,
      decodeMs: Math.max(0, this.#lastTokenAtMs - firstTokenAtMs),
    };
  }
}
