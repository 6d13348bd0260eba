// The words every layer shares about one generation. Types only: no logic.
import type { GroundingAsk, GroundingReport } from './grounding.js';
import type { TraceContext } from './trace.js';

export type Role = 'system' | 'user' | 'assistant' | 'tool';

/** `arguments` is the JSON text of an object. */
export interface ToolCall {
  readonly id: string;
  readonly name: string;
  readonly arguments: string;
}

export interface Message {
  readonly role: Role;
  readonly content: string;
  /** Of an assistant: the calls it made in that turn. */
  readonly toolCalls?: readonly ToolCall[];
  /** Of a tool: the call that it answers. */
  readonly toolCallId?: string;
  /** Of a tool: its name; of others: who speaks, where the chat template knows such a thing. */
  readonly name?: string;
}

export type JsonObject = { readonly [key: string]: unknown };

export interface ToolDefinition {
  readonly name: string;
  readonly description?: string;
  /** A JSON schema. */
  readonly parameters: JsonObject;
}

/** What the answer's text must be; held by constrained decoding, not by hope. */
export type Constraint =
  | { readonly type: 'json_object' }
  | { readonly type: 'json_schema'; readonly schema: JsonObject };

/** What dialects fill in with values that suit one model and not every other. */
export type Unasked = 'temperature' | 'topP' | 'topK' | 'repetitionPenalty';

/**
 * Fully resolved sampling parameters: dialects fill in their defaults, so the log can tell what was in force.
 * The names are the worker protocol's, in camelCase.
 */
export interface Sampling {
  /** Those of which the client said nothing: a backend with defaults of its own may use these instead. */
  readonly unasked?: readonly Unasked[];
  /** Upper bound on generated tokens; the model's context may end a generation earlier, reason `length`. */
  readonly maxTokens: number;
  /** 0 is greedy. */
  readonly temperature: number;
  readonly topP: number;
  /** 0 switches the filter off. */
  readonly topK: number;
  readonly minP: number;
  /** Locally typical sampling; 1 switches the filter off. */
  readonly typicalP: number;
  /** 1 switches the penalty off. */
  readonly repetitionPenalty: number;
  /** How many of the last tokens, prompt included, the repetition penalty looks at; 0 is all of them. */
  readonly repetitionWindow: number;
  readonly presencePenalty: number;
  readonly frequencyPenalty: number;
  /** Always set: drawn at random by the gateway when the client gave none, so that any exchange can be replayed. */
  readonly seed: number;
  /** Text that ends the generation; never part of the answer. */
  readonly stop: readonly string[];
  /** Alternatives reported per token, 0 for the chosen token alone; null for no log-probabilities. */
  readonly logprobs: number | null;
  /** Token id, in decimal, to what is added to its logit, -100 to 100. */
  readonly logitBias: Readonly<Record<string, number>>;
  readonly constraint: Constraint | null;
}

/** Goes through the model's chat template. */
export interface ChatInput {
  readonly messages: readonly Message[];
  /** Rendered by the chat template; only for models whose `tool_format` is known. */
  readonly tools?: readonly ToolDefinition[];
  /** One of them must be called; told beside the constraint that holds the answer to it, for backends with a form of their own. */
  readonly toolChoice?: 'required' | { readonly name: string };
  /** The last message is the assistant's and the answer goes on from its end. */
  readonly continueFinal?: boolean;
  /** Tokens of an earlier exchange that stand before everything else (Ollama's `context`). */
  readonly contextIds?: readonly number[];
  readonly prompt?: never;
  readonly tokenIds?: never;
}

/** Taken raw, with what the tokenizer adds by its own rule. */
export interface TextInput {
  readonly prompt: string;
  readonly contextIds?: readonly number[];
  readonly messages?: never;
  readonly tools?: never;
  readonly toolChoice?: never;
  readonly continueFinal?: never;
  readonly tokenIds?: never;
}

/** Taken as it is. */
export interface TokenInput {
  readonly tokenIds: readonly number[];
  readonly messages?: never;
  readonly tools?: never;
  readonly toolChoice?: never;
  readonly continueFinal?: never;
  readonly contextIds?: never;
  readonly prompt?: never;
}

/** What a dialect makes of a request. */
export type GenerationInput = ChatInput | TextInput | TokenInput;

export interface GenerateRequest {
  /** UUIDv7; the exchange's id in the log and the request's id on the worker protocol. */
  readonly id: string;
  readonly input: GenerationInput;
  readonly sampling: Sampling;
  /** `done` is to carry the ids of prompt and answer. */
  readonly wantsContext?: boolean;
  /** The answer is to rest on stored documents. */
  readonly grounding?: GroundingAsk;
  /** Of what trace it is a part; set when it is handed to a backend. */
  readonly trace?: TraceContext;
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
  | {
      readonly type: 'queued';
      readonly position: number;
      /** Until the slot; null while that is not known. */
      readonly estimatedWaitMs: number | null;
    }
  /** On what the answer rests; once, before `started`, when the request asked for grounding. */
  | { readonly type: 'grounded'; readonly report: GroundingReport }
  | { readonly type: 'started'; readonly promptTokens: number; readonly cachedTokens: number }
  /** A piece of text that is whole characters; `tokens` may be 0 (held-back text) or more than 1. */
  | {
      readonly type: 'token';
      readonly text: string;
      readonly tokens: number;
      readonly logprobs?: readonly TokenLogprob[];
    }
  /** A whole call, told when its last token has come; `index` counts the calls of one answer from 0. */
  | { readonly type: 'tool_call'; readonly index: number; readonly call: ToolCall }
  | {
      readonly type: 'done';
      readonly reason: FinishReason;
      /** The stop string that ended it, null when the model's own end token or a limit did. */
      readonly stopSequence: string | null;
      readonly usage: Usage;
      readonly timings: Timings;
      /** What the answer was computed in (`int8`, `bfloat16`, …): a seed repeats an answer only in the same. Null when it was cut. */
      readonly numerics: string | null;
      /** Ids of prompt and answer, when the request wanted them. */
      readonly context?: readonly number[];
    };

/** The whole answer: what the events of one generation come to. */
export interface Result {
  readonly text: string;
  readonly toolCalls: readonly ToolCall[];
  /** Null when none were asked for. */
  readonly logprobs: readonly TokenLogprob[] | null;
  readonly reason: FinishReason;
  readonly stopSequence: string | null;
  readonly usage: Usage;
  readonly timings: Timings;
  readonly numerics: string | null;
  /** Null when it was not asked for. */
  readonly context: readonly number[] | null;
  /** Null when none was asked for. */
  readonly grounding: GroundingReport | null;
}

/**
 * Events come in batches: all that had arrived when the consumer asked, in order, never empty. One promise per
 * batch instead of one per token is what lets 256 streams share one event loop (figures: bench/relay).
 */
export type GenerationEvents = AsyncIterable<readonly GenerationEvent[]>;

/** Of a request with several answers, or several prompts: which of them an event is of. `done` comes when all have ended. */
export type ChoiceEvent =
  | { readonly type: 'choice'; readonly index: number; readonly event: GenerationEvent }
  | { readonly type: 'done'; readonly usage: Usage };

export type ChoiceEvents = AsyncIterable<readonly ChoiceEvent[]>;

/** All answers to one request, in the order of their index; each prompt counts once in `usage`. */
export interface ChoicesResult {
  readonly choices: readonly Result[];
  readonly usage: Usage;
}
