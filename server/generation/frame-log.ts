// What a run has told so far, for readers that come and go: append-only, read from any place. Knows no format.
import { createDeferred, type Deferred } from './deferred.js';

/** Numbered from 0 without a gap. */
export interface Frame {
  readonly type: string;
  readonly number: number;
  readonly text: string;
}

export class FrameLog {
  readonly #frames: Frame[] = [];
  #isEnded = false;
  #characters = 0;
  #news: Deferred<void> = createDeferred();

  /** Of all texts together. */
  get characters(): number {
    return this.#characters;
  }

  get length(): number {
    return this.#frames.length;
  }

  append(frames: readonly Frame[]): void {
    for (const frame of frames) {
      this.#frames.push(frame);
      this.#characters += frame.text.length;
    }
    this.#tell();
  }

  /** Nothing follows any more. */
  end(): void {
    this.#isEnded = true;
    this.#tell();
  }

  /** All frames after the one of that number, then those to come, until the end or the signal. An empty batch comes first. */
  async *read(after: number, signal: AbortSignal): AsyncGenerator<readonly Frame[]> {
    let next = after + 1;
    yield [];
    while (!signal.aborted) {
      const news = this.#news.promise;
      if (next < this.#frames.length) {
        const batch = this.#frames.slice(next);
        next = this.#frames.length;
        yield batch;
      } else if (this.#isEnded) return;
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
