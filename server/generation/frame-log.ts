// The frames of a run that goes on without its client, for readers that come and go. Knows no format.
import { EventLog } from './event-log.js';

/** Numbered from 0 without a gap. */
export interface Frame {
  readonly type: string;
  readonly number: number;
  readonly text: string;
}

export class FrameLog {
  readonly #log = new EventLog<Frame>();
  #characters = 0;

  /** Of all texts together. */
  get characters(): number {
    return this.#characters;
  }

  get length(): number {
    return this.#log.length;
  }

  append(frames: readonly Frame[]): void {
    for (const { text } of frames) this.#characters += text.length;
    this.#log.append(frames);
  }

  /** Nothing follows any more. */
  end(): void {
    this.#log.end();
  }

  /** All frames after the one of that number, then those to come, until the end or the signal. An empty batch comes first. */
  async *read(after: number, signal: AbortSignal): AsyncGenerator<readonly Frame[]> {
    yield [];
    yield* this.#log.read(after, signal);
  }
}
