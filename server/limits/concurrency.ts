// How many requests of each caller run or wait at once, in this gateway.
import { AppError } from '../errors.js';

/** Nobody knows when one of the caller's own ends: soon, or he would not have asked for so many. */
const RETRY_AFTER_MS = 2_000;

export class Concurrency {
  /** For each caller its requests, and in how many parts each runs. */
  readonly #running = new Map<string, Map<object, number>>();

  /** Requests of a caller that run or wait. */
  of(share: string): number {
    return this.#running.get(share)?.size ?? 0;
  }

  /**
   * Takes a place until the result is called, which may be done more than once.
   * @param request the same object for all parts of one request, as the choices of `n`: it has one place
   * @param limit null for any number
   * @throws AppError concurrency_exceeded
   */
  enter(share: string, limit: number | null, request: object): () => void {
    const requests = this.#running.get(share) ?? new Map<object, number>();
    const parts = requests.get(request) ?? 0;
    if (limit !== null && parts === 0 && requests.size >= limit) {
      const told = requests.size === 1 ? '1 request' : `${requests.size} requests`;
      throw new AppError(
        'concurrency_exceeded',
        `This key may have ${limit} at once, and ${told} of it run or wait.`,
        { retryAfterMs: RETRY_AFTER_MS },
      );
    }
    requests.set(request, parts + 1);
    this.#running.set(share, requests);
    let isInside = true;
    return () => {
      if (!isInside) return;
      isInside = false;
      const left = (requests.get(request) ?? 1) - 1;
      if (left > 0) requests.set(request, left);
      else requests.delete(request);
      if (requests.size === 0 && this.#running.get(share) === requests) this.#running.delete(share);
    };
  }
}
