// The words every layer shares about one generation. Types only: no logic, no imports.

export type Role = 'system' | 'user' | 'assistant';

export interface Message {
  readonly role: Role;
  readonly content: string;
}

/**
 * Fully resolved sampling parameters: dialects fill in their defaults, so the log can tell what was in force.
 * The names are the worker protocol's, in camelCase.
 */
export interface Sampling {
  /** Upper bound on generated tokens; the model's context may end a generation earlier, reason `length`. */
  readonly maxTokens: number;
  /** 0 is greedy. */
  readonly temperature: number;
  readonly topP: number;
  /** 0 switches the filter off. */
  readonly topK: number;
  readonly minP: number;
  /** 1 switches the penalty off. */
  readonly repetitionPenalty: number;
  readonly presencePenalty: number;
  readonly frequencyPenalty: number;
  /** Always set: drawn at random by the gateway when the client gave none, so that any exchange can be replayed. */
  readonly seed: number;
  /** Text that ends the generation; never part of the answer. */
  readonly stop: readonly string[];
  /** Alternatives reported per token, 0 for the chosen token alone; null for no log-probabilities. */
  readonly logprobs: number | null;
}

/** What a dialect makes of a request. `messages` go through the model's chat template, `prompt` is taken raw. */
export type GenerationInput =
  | { readonly messages: readonly Message[]; readonly prompt?: never }
  | { readonly prompt: string; readonly messages?: never };

export interface GenerateRequest {
  /** UUIDv7; the exchange's id in the log and the request's id on the worker protocol. */
  readonly id: string;
  readonly input: GenerationInput;
  readonly sampling: Sampling;
}

export type FinishReason = 'stop' | 'length' | 'cancelled';

export interface Usage {
  readonly promptTokens: number;
  /** Prompt tokens whose KV cache was reused instead of prefilled. */
  readonly cachedTokens: number;
  readonly completionTokens: number;
}

/** Milliseconds; `queueMs` runs from admission to the worker's `started`. */
export interface Timings {
  readonly queueMs: number;
  readonly prefillMs: number;
  readonly decodeMs: number;
}

export interface TokenLogprob {
  readonly token: string;
  /** Natural logarithm, finite. */
  readonly logprob: number;
  readonly top: ReadonlyArray<{ readonly token: string; readonly logprob: number }>;
}

export type GenerationEvent =
  /** Admitted: first event of all, and again on every heartbeat while waiting. `position` 1 is next, 0 holds a slot. */
  | { readonly type: 'queued'; readonly position: number }
  | { readonly type: 'started'; readonly promptTokens: number; readonly cachedTokens: number }
  /** A piece of text that is whole characters; `tokens` may be 0 (held-back text) or more than 1. */
  | {
      readonly type: 'token';
      readonly text: string;
      readonly tokens: number;
      readonly logprobs?: readonly TokenLogprob[];
    }
  | {
      readonly type: 'done';
      readonly reason: FinishReason;
      /** The stop string that ended it, null when the model's own end token or a limit did. */
      readonly stopSequence: string | null;
      readonly usage: Usage;
      readonly timings: Timings;
    };

/**
 * Events come in batches: all that had arrived when the consumer asked, in order, never empty. One promise per
 * batch instead of one per token is what lets 256 streams share one event loop (figures: bench/relay).
 */
export type GenerationEvents = AsyncIterable<readonly GenerationEvent[]>;
