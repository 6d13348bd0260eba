// Whether another server answers: remembers how it did, and asks again by itself while it does not. Knows no request.
import type { UpstreamStatus } from '../backend/backend.js';
import type { AppError } from '../errors.js';
import type { Logger } from '../log.js';
import type { Failure } from './upstream-failure.js';

/** How soon a server that is down is asked again. */
const PROBE_INTERVAL_MS = 5_000;

export interface WatchOptions {
  readonly url: string;
  readonly logger: Logger;
  /** Asks it something that costs nothing. Null: it answers. */
  readonly probe: () => Promise<Failure | null>;
  readonly onChange: () => void;
}

export class UpstreamWatch {
  readonly #options: WatchOptions;
  #lastSuccessAt: string | null = null;
  #lastFailure: UpstreamStatus['lastFailure'] = null;
  #isDown = false;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  /** Asks at once, so that it is known before the first prompt comes. */
  start(): void {
    void this.#probe();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  status(): UpstreamStatus {
    return {
      url: this.#options.url,
      lastSuccessAt: this.#lastSuccessAt,
      lastFailure: this.#lastFailure,
      isDown: this.#isDown,
    };
  }

  /** Null for an answer. */
  note(failure: Failure | null): void {
    const wasDown = this.#isDown;
    if (failure === null) {
      this.#lastSuccessAt = new Date().toISOString();
      this.#isDown = false;
    } else {
      this.#lastFailure = toLast(failure.error);
      this.#isDown ||= failure.isDown;
    }
    if (this.#isDown) this.#probeLater();
    if (this.#isDown === wasDown) return;
    const { logger, url, onChange } = this.#options;
    if (this.#isDown) logger.warn(`The upstream does not answer: ${this.#lastFailure?.message ?? url}`);
    else logger.info(`The upstream answers again: ${url}`);
    onChange();
  }

  #probeLater(): void {
    clearTimeout(this.#timer);
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => void this.#probe(), PROBE_INTERVAL_MS);
    this.#timer.unref();
  }

  async #probe(): Promise<void> {
    const failure = await this.#options.probe();
    if (!this.#isStopped) this.note(failure);
  }
}

function toLast({ code, message }: AppError): UpstreamStatus['lastFailure'] {
  return { at: new Date().toISOString(), code, message };
}
