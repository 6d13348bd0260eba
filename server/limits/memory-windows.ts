// The windows of all callers, in the memory of this gateway: a bounded number, the least recently used goes first. The
// clock is the process's own, which no change of the system's time moves.
import { type Allowance, SlidingWindow, type Verdict } from './sliding-window.js';

const MAX_BUCKETS = 10_000;

export interface MemoryWindowsOptions {
  readonly maxBuckets?: number;
  /** Must never go back. */
  readonly now?: () => number;
}

export class MemoryWindows {
  readonly #buckets = new Map<string, SlidingWindow>();
  readonly #maxBuckets: number;
  readonly #now: () => number;

  constructor({ maxBuckets = MAX_BUCKETS, now = () => performance.now() }: MemoryWindowsOptions = {}) {
    this.#maxBuckets = maxBuckets;
    this.#now = now;
  }

  /** Callers that are counted. */
  get size(): number {
    return this.#buckets.size;
  }

  /** Counts a request where there is room for it. */
  take(key: string, allowance: Allowance): Verdict {
    return this.#bucket(key).take(this.#now(), allowance);
  }

  /** What `take` would say, without a request. */
  look(key: string, allowance: Allowance): Verdict {
    const bucket = this.#buckets.get(key) ?? new SlidingWindow();
    return bucket.look(this.#now(), allowance);
  }

  /** Counts a request that was let in elsewhere. */
  note(key: string, allowance: Allowance): void {
    this.#bucket(key).note(this.#now(), allowance);
  }

  /** A Map keeps the order in which keys came: the one that is asked for goes to its end. */
  #bucket(key: string): SlidingWindow {
    const bucket = this.#buckets.get(key) ?? new SlidingWindow();
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    if (this.#buckets.size > this.#maxBuckets) {
      for (const oldest of this.#buckets.keys()) {
        this.#buckets.delete(oldest);
        break;
      }
    }
    return bucket;
  }
}
