// What the parts tell of their work, for whoever counts it. Types only: who counts, and how, is metrics/.
import type { Timings, Usage } from './generation.js';

/** `cancelled_queued`: left the line before it had a slot. `refused` ones never had a place in it and are no exchange. */
export type ExchangeEnd = 'completed' | 'cancelled' | 'cancelled_queued' | 'failed';

/** One prompt that has a place in the line; `ended` is its last word, told once. */
export interface ExchangeRecorder {
  /** Its slot is given. */
  granted(waitedMs: number): void;
  /** Its first text is there, so long after it was asked. */
  firstToken(sinceAskedMs: number): void;
  /** @param isKept whether the log has it: only then its tokens count, so that counts and log agree */
  ended(end: ExchangeEnd, figures: { usage: Usage | null; timings: Timings | null; isKept: boolean }): void;
}

export interface GenerationRecorder {
  exchange(dialect: string): ExchangeRecorder;
}

export interface TokenRecorder {
  /** A step brought a stream more tokens, so long after its last ones. Called for every stream of every step. */
  gap(ms: number): void;
}

export interface EmbedRecorder {
  embedded(end: Exclude<ExchangeEnd, 'cancelled_queued'>, tokens: number, ms: number): void;
}

export interface ErrorRecorder {
  /** A client was told of an error of this code. */
  error(code: string): void;
}

export interface RequestRecorder extends ErrorRecorder {
  /**
   * @param route as the router knows it, `/history/:id`; null when no route took the path
   * @param status null when the connection ended before the answer
   */
  request(method: string, route: string | null, status: number | null, ms: number): void;
}

export interface LimitRecorder {
  /** A limit was asked of this process alone, because Redis did not answer. */
  redisFallback(): void;
}

export interface Recorder
  extends GenerationRecorder,
    TokenRecorder,
    EmbedRecorder,
    RequestRecorder,
    LimitRecorder {}
