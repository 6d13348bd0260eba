// The stored pair of a prompt and its answer. Types only.
import type { GenerationInput, Sampling, Timings, Usage } from './generation.js';
import type { GroundingReport, Source } from './grounding.js';

export type ExchangeStatus = 'completed' | 'cancelled' | 'failed';

/** On what an answer rests: where its sources stand, without their text. */
export interface ExchangeGrounding extends Pick<GroundingReport, 'threshold' | 'omitted' | 'notice'> {
  readonly sources: readonly Omit<Source, 'text' | 'filename' | 'metadata'>[];
}

/** One line of the log, in the order of its keys; `timestamp`, `prompt` and `response` stay first for old readers. */
export interface Exchange {
  /** ISO 8601, UTC: when the exchange ended. */
  readonly timestamp: string;
  /** The last user text, or the last of all without one, as the client sent it; empty when it sent token ids. */
  readonly prompt: string;
  readonly response: string;
  readonly id: string;
  readonly status: ExchangeStatus;
  /** `stop`, `length` or `cancelled`; null when it failed. */
  readonly reason: string | null;
  /** Set when `status` is `failed`. */
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly dialect: string;
  /** Name of the authenticated client; null while keys are off. */
  readonly caller: string | null;
  readonly model: { readonly id: string; readonly digest: string };
  readonly engine: string;
  /** What it was computed in, such as `int8`; null when no end was told. */
  readonly numerics: string | null;
  /** All that the model was given, the text of its sources included, when it was more than `prompt` as one user message; else null. */
  readonly input: GenerationInput | null;
  /** Null when the request asked for no documents. */
  readonly grounding: ExchangeGrounding | null;
  /** The exchange that this one asks again; null for one that stands for itself. */
  readonly replayOf: string | null;
  /** The chat that it is a turn of, a UUID; null for one that stands for itself. */
  readonly chatId: string | null;
  /** The parameters in force, defaults and drawn seed included. */
  readonly parameters: Sampling;
  readonly usage: Usage | null;
  readonly timings: Timings | null;
  readonly requestId: string;
}
