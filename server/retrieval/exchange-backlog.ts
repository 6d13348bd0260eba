// Gives exchanges their vectors while the machine has nothing else to do: the newest first, a few at a time, from where
// it stopped. Knows neither worker nor queue: who embeds, and whether there is time, is passed in.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Embedder } from '../domain/embedding.js';
import { AppError } from '../errors.js';
import type { Logger } from '../log.js';
import type { ExchangeVectors, NumberRange, UnembeddedExchange } from '../store/exchange-vectors.js';

export interface ExchangeBacklogOptions {
  readonly vectors: ExchangeVectors;
  readonly embedder: Embedder;
  /** Whether vectors can be kept now. */
  readonly hasVectors: () => boolean;
  /** Whether no prompt runs or waits. */
  readonly isIdle: () => boolean;
  /** Whether there is an embedder that need not be started for this, and nobody else asks it now. */
  readonly isFree: () => boolean;
  readonly logger: Logger;
  /** How long nothing must have been asked before it begins. Default 3 s. */
  readonly quietMs?: number;
}

/** Texts of one call: some 50 ms of work, which is how late a prompt may find the machine its own. */
const BATCH = 4;
/** Exchanges that are looked through at once. */
const RANGE = 1_000;
const LOOK_INTERVAL_MS = 250;
/** The embedder reads 256 tokens, of an answer its beginning. */
const PROMPT_CHARACTERS = 700;
const TEXT_CHARACTERS = 1_500;
const RETRY_MS = 10_000;

/** Runs from now on until it is closed. */
export class ExchangeBacklog {
  readonly #options: ExchangeBacklogOptions;
  readonly #quietMs: number;
  readonly #closing = new AbortController();
  readonly #done: Promise<void>;
  /** What is still to be looked through, the newest last. */
  #ranges: NumberRange[] = [];
  #end = 0;
  #embedderId = '';

  constructor(options: ExchangeBacklogOptions) {
    this.#options = options;
    this.#quietMs = options.quietMs ?? 3_000;
    this.#done = this.#run();
  }

  /** Resolves when nothing is being embedded any more. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#done;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    let quietSinceMs: number | null = null;
    while (!signal.aborted) {
      if (!this.#options.isIdle()) quietSinceMs = null;
      else quietSinceMs ??= performance.now();
      const isQuiet = quietSinceMs !== null && performance.now() - quietSinceMs >= this.#quietMs;
      const mayWork = isQuiet && this.#options.isFree() && this.#options.hasVectors();
      const hasWorked = mayWork && (await this.#work());
      if (!hasWorked) await this.#rest(LOOK_INTERVAL_MS);
    }
  }

  async #rest(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#closing.signal, ref: false }).catch(() => {});
  }

  /** One batch; false when there is none. */
  async #work(): Promise<boolean> {
    try {
      return await this.#embedBatch();
    } catch (error) {
      if (this.#closing.signal.aborted) return false;
      const isExpected = error instanceof AppError;
      this.#options.logger[isExpected ? 'debug' : 'warn']('Exchanges are not embedded now', {
        error: error instanceof Error ? error.message : String(error),
      });
      this.#ranges = [];
      this.#end = 0;
      await this.#rest(RETRY_MS);
      return false;
    }
  }

  async #embedBatch(): Promise<boolean> {
    const { vectors, embedder } = this.#options;
    const { signal } = this.#closing;
    const { id, dimensions } = await embedder.describe(signal);
    const current = { id, dimensions };
    if (this.#embedderId !== id || this.#end === 0) {
      if (await vectors.prepare(current)) return true;
      this.#embedderId = id;
      this.#ranges = [];
      this.#end = 0;
    }
    const end = await vectors.end();
    if (end > this.#end) this.#ranges.push({ low: this.#end, high: end });
    this.#end = end;
    const range = this.#ranges.pop();
    if (range === undefined) return false;
    const part = { low: Math.max(range.low, range.high - RANGE), high: range.high };
    const found = await vectors.findUnembedded(part, BATCH);
    if (found.length === 0) {
      if (part.low > range.low) this.#ranges.push({ low: range.low, high: part.low });
      return this.#ranges.length > 0;
    }
    this.#ranges.push(range);
    const embeddings = await embedder.embed(found.map(toText), signal);
    const made = found.flatMap(({ id: exchange }, index) => {
      const vector = embeddings[index]?.vector;
      return vector === undefined ? [] : [[exchange, vector] as const];
    });
    await vectors.store(current, new Map(made));
    return true;
  }
}

function toText({ prompt, response }: UnembeddedExchange): string {
  return `${prompt.slice(0, PROMPT_CHARACTERS)}\n${response}`.slice(0, TEXT_CHARACTERS).trim();
}
