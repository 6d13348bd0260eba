// Whether a worker takes more memory than it may. Knows no process.
import type { Logger } from '../log.js';

const MIB = 1024 ** 2;

export class MemoryBound {
  readonly #maxBytes: number | null;
  readonly #logger: Logger;
  #readyAtMs = 0;
  /** Null before the first figure since it was ready. */
  #isKept: boolean | null = null;

  constructor(maxBytes: number | null, logger: Logger) {
    this.#maxBytes = maxBytes;
    this.#logger = logger;
  }

  /** A worker is ready: what it takes from now on counts. */
  begin(): void {
    this.#readyAtMs = performance.now();
    this.#isKept = null;
  }

  /**
   * True once for a worker, and then it is to be replaced. Never for one that took too much before it had done anything:
   * the next would do so, too.
   */
  isExceededBy(rssBytes: number): boolean {
    if (this.#maxBytes === null) return false;
    const isOver = rssBytes > this.#maxBytes;
    if (this.#isKept === null && isOver) {
      this.#logger.warn(
        `The worker takes ${mib(rssBytes)} MiB with no prompt in it: MINIVAULT_WORKER_MAX_RSS_BYTES (${mib(this.#maxBytes)} MiB) is too low and is not obeyed.`,
      );
    }
    this.#isKept ??= isOver;
    if (!isOver || this.#isKept) return false;
    this.#isKept = true;
    const seconds = Math.round((performance.now() - this.#readyAtMs) / 1000);
    this.#logger.warn(
      `The worker takes ${mib(rssBytes)} MiB after ${seconds} s, more than the ${mib(this.#maxBytes)} MiB of MINIVAULT_WORKER_MAX_RSS_BYTES: it is replaced when what it runs has ended.`,
    );
    return true;
  }
}

function mib(bytes: number): number {
  return Math.round(bytes / MIB);
}
