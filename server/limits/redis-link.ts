// The Redis that gateways count in together, and whether it is there. Nobody waits for it longer than a moment: while it
// is known to be away only a probe asks it. Knows not what is counted.
import { Redis } from 'ioredis';
import type { LimitRecorder } from '../domain/recorder.js';
import type { Logger } from '../log.js';

const PROBE_INTERVAL_MS = 1_000;
/** A Redis that takes commands and answers none for so long is reached by a new connection, or not at all. */
const SILENCE_MS = 2_000;
const WARNING_INTERVAL_MS = 60_000;
/** How long a connection may take to close before it is destroyed. */
const CLOSE_MS = 200;
const CLOSED = 'the connection was closed';

export interface RedisLinkOptions {
  readonly url: string;
  /** Stands before the names of all keys. */
  readonly prefix: string;
  /** Longest wait for an answer. */
  readonly timeoutMs: number;
  readonly logger: Logger;
  readonly recorder: LimitRecorder;
  readonly warningIntervalMs?: number;
}

export interface RedisStatus {
  readonly isUp: boolean;
  /** Questions that were answered here instead, since the start. */
  readonly fallbacks: number;
  /** Why it was away last; null when it never was. */
  readonly lastError: string | null;
}

export class RedisLink {
  readonly redis: Redis;
  readonly #options: RedisLinkOptions;
  readonly #backListeners: (() => void)[] = [];
  readonly #prober: NodeJS.Timeout;
  #isUp = false;
  #fallbacks = 0;
  #lastError: string | null = null;
  #warnedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: RedisLinkOptions) {
    this.#options = options;
    this.redis = new Redis(options.url, {
      keyPrefix: options.prefix,
      connectionName: 'minivault',
      disableClientInfo: true,
      lazyConnect: true,
      // What it cannot be asked now is answered here: nothing waits for its return, and nothing is asked twice.
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      retryStrategy: () => PROBE_INTERVAL_MS,
      connectTimeout: SILENCE_MS,
      socketTimeout: Math.max(SILENCE_MS, 2 * options.timeoutMs),
      disconnectTimeout: CLOSE_MS,
    });
    this.redis.on('error', (error: Error) => this.#goAway(error));
    this.redis.on('close', () => this.#goAway(new Error(CLOSED)));
    this.redis.on('ready', () => void this.#probe());
    this.#prober = setInterval(() => void this.#probe(), PROBE_INTERVAL_MS);
    this.#prober.unref();
    this.redis.connect().catch(() => {});
  }

  /** Its answer; null when it is away, takes too long or refuses. Never throws. */
  async ask<T extends {}>(question: (redis: Redis) => Promise<T>): Promise<T | null> {
    if (this.#isUp) {
      try {
        return await this.#inTime(question(this.redis));
      } catch (error) {
        this.#goAway(error as Error);
      }
    }
    this.#fallbacks += 1;
    this.#options.recorder.redisFallback();
    return null;
  }

  /** Called each time that it can be asked again, the first time, too. */
  onBack(listener: () => void): void {
    this.#backListeners.push(listener);
  }

  status(): RedisStatus {
    return { isUp: this.#isUp, fallbacks: this.#fallbacks, lastError: this.#lastError };
  }

  close(): void {
    clearInterval(this.#prober);
    this.redis.removeAllListeners();
    this.redis.on('error', () => {});
    this.#isUp = false;
    this.redis.disconnect();
  }

  /** By a write: a Redis that is full, or a replica of another, answers all the rest. */
  async #probe(): Promise<void> {
    if (this.#isUp || this.redis.status !== 'ready') return;
    try {
      await this.#inTime(this.redis.set('probe', '1', 'PX', PROBE_INTERVAL_MS));
    } catch (error) {
      this.#goAway(error as Error);
      return;
    }
    if (this.#isUp) return;
    this.#isUp = true;
    if (this.#lastError !== null)
      this.#options.logger.info('Redis is back: callers are counted there again.');
    for (const listener of this.#backListeners) listener();
  }

  #goAway({ name, message: said }: Error): void {
    // What was under way when a connection closed fails with words about retries, of which there are none.
    const message = name === 'MaxRetriesPerRequestError' ? CLOSED : said;
    const isNews = this.#isUp || this.#lastError === null;
    this.#isUp = false;
    // Why it was closed, or cannot be opened, says more.
    if (isNews || message !== CLOSED) this.#lastError = message;
    const { logger, warningIntervalMs = WARNING_INTERVAL_MS } = this.#options;
    const nowMs = performance.now();
    if (nowMs - this.#warnedAtMs < warningIntervalMs) return;
    this.#warnedAtMs = nowMs;
    logger.warn('Redis is away: this gateway counts its callers by itself.', {
      error: message,
      fallbacks: this.#fallbacks,
    });
  }

  /** A busy process must not take for silence what it has not read yet: the socket is looked at once more. */
  #inTime<T>(answer: Promise<T>): Promise<T> {
    const { timeoutMs } = this.#options;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        setImmediate(() => reject(new Error(`no answer within ${timeoutMs} ms`)));
      }, timeoutMs);
      answer.then(resolve, reject).finally(() => clearTimeout(timer));
    });
  }
}
