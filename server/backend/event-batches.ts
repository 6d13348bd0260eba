// What a client has not read yet of one run: pushed one by one, read in batches. Knows no protocol.
import type { GenerationEvent } from '../domain/generation.js';
import type { AppError } from '../errors.js';

type Batch = readonly GenerationEvent[];
interface Reader {
  readonly resolve: (result: IteratorResult<Batch, undefined>) => void;
  readonly reject: (error: AppError) => void;
}
const FINISHED: IteratorResult<Batch, undefined> = { value: undefined, done: true };

/**
 * An iterator by hand rather than a generator: a generator's `return()` would wait for its pending `await`, and it
 * makes a promise per event. A waiting reader is woken in a microtask, so all that one read of the pipe brought
 * comes in one batch.
 */
export class EventBatches implements AsyncIterableIterator<Batch, undefined> {
  #unread: GenerationEvent[] = [];
  #unreadLength = 0;
  #isEnded = false;
  #error: AppError | null = null;
  #reader: Reader | null = null;
  #isWaking = false;
  readonly #onLeave: () => void;

  /** @param onLeave called when the reader stops before the end. */
  constructor(onLeave: () => void) {
    this.#onLeave = onLeave;
  }

  /** Length of the text not read yet, in UTF-16 units. */
  get unreadLength(): number {
    return this.#unreadLength;
  }

  /** Means nothing after the end. */
  push(event: GenerationEvent): void {
    if (this.#isEnded) return;
    if (event.type === 'token') this.#unreadLength += event.text.length;
    this.#unread.push(event);
    this.#wakeReader();
  }

  end(): void {
    this.#isEnded = true;
    this.#wakeReader();
  }

  /** What is unread is still delivered, then the reader gets the error. */
  fail(error: AppError): void {
    if (this.#isEnded) return;
    this.#error = error;
    this.end();
  }

  discardUnread(): void {
    this.#unread = [];
    this.#unreadLength = 0;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** For one reader that asks again only when it was answered, as `for await` does. */
  next(): Promise<IteratorResult<Batch, undefined>> {
    return new Promise((resolve, reject) => {
      const reader = { resolve, reject };
      if (!this.#answer(reader)) this.#reader = reader;
    });
  }

  return(): Promise<IteratorResult<Batch, undefined>> {
    if (!this.#isEnded) this.#onLeave();
    this.end();
    this.discardUnread();
    this.#error = null;
    return Promise.resolve(FINISHED);
  }

  #answer(reader: Reader): boolean {
    if (this.#unread.length > 0) {
      const value = this.#unread;
      this.discardUnread();
      reader.resolve({ value, done: false });
      return true;
    }
    if (!this.#isEnded) return false;
    const error = this.#error;
    this.#error = null;
    if (error) reader.reject(error);
    else reader.resolve(FINISHED);
    return true;
  }

  #wakeReader(): void {
    if (this.#reader === null || this.#isWaking) return;
    this.#isWaking = true;
    queueMicrotask(this.#wake);
  }

  readonly #wake = (): void => {
    this.#isWaking = false;
    const reader = this.#reader;
    if (reader !== null && this.#answer(reader)) this.#reader = null;
  };
}
