// What a run has told so far, for readers that come and go: append-only, read from any place. Knows no format.
import type { AppError } from '../errors.js';
import { createDeferred, type Deferred } from './deferred.js';

export class EventLog<Event> {
  readonly #events: Event[] = [];
  #isEnded = false;
  #failure: AppError | null = null;
  #news: Deferred<void> = createDeferred();

  get length(): number {
    return this.#events.length;
  }

  append(batch: readonly Event[]): void {
    for (const event of batch) this.#events.push(event);
    this.#tell();
  }

  /** Nothing follows any more; with a failure, that is what readers get at the end. */
  end(failure: AppError | null = null): void {
    this.#isEnded = true;
    this.#failure = failure;
    this.#tell();
  }

  /** All events after the one of that index, then those to come, until the end or the signal. @throws the failure it ended with */
  async *read(after: number, signal: AbortSignal): AsyncGenerator<readonly Event[]> {
    let next = after + 1;
    while (!signal.aborted) {
      const news = this.#news.promise;
      if (next < this.#events.length) {
        const batch = this.#events.slice(next);
        next = this.#events.length;
        yield batch;
      } else if (this.#failure) throw this.#failure;
      else if (this.#isEnded) return;
      else await settled(news, signal);
    }
  }

  #tell(): void {
    const news = this.#news;
    this.#news = createDeferred();
    news.resolve();
  }
}

function settled(news: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const onEnd = (): void => {
      signal.removeEventListener('abort', onEnd);
      resolve();
    };
    signal.addEventListener('abort', onEnd, { once: true });
    void news.then(onEnd);
  });
}
