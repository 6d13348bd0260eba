// What answers prompts, whatever it is: the Python worker or another server. Types only; the core knows no more than this.

import type { Embedding, EmbedInput, EmbedOptions } from '../domain/embedding.js';
import type { ExchangeStatus } from '../domain/exchange.js';
import type {
  FinishReason,
  GenerateRequest,
  GenerationEvents,
  GenerationInput,
  Sampling,
  Timings,
  Usage,
} from '../domain/generation.js';
import type { EmbedderFacts, ModelFacts } from '../domain/model-facts.js';
import type { AppError } from '../errors.js';

/** `unloaded`: ended because nobody needs it now; the next one who does starts it again. */
export type BackendState = 'starting' | 'ready' | 'unloaded' | 'restarting' | 'failed' | 'stopped';

/** The `tool_format` of a backend that tells calls as `tool_call` events of their own, not as text. */
export const NATIVE_TOOLS = 'native';

/** How a process ended. `stderr` holds the last lines it wrote, at most 8 KiB. */
export interface ProcessExit {
  readonly at: string;
  readonly code: number | null;
  readonly signal: string | null;
  readonly reason: string;
  readonly stderr: readonly string[];
}

/** How another server has answered of late. */
export interface UpstreamStatus {
  /** Without user and password, which it must not have anyway. */
  readonly url: string;
  readonly lastSuccessAt: string | null;
  readonly lastFailure: { readonly at: string; readonly code: string; readonly message: string } | null;
  /** Its last word was a failure of its own; it is asked again every few seconds. */
  readonly isDown: boolean;
}

export interface BackendStatus {
  readonly state: BackendState;
  /** While loading: the worker's own words and figures, for a progress bar. */
  readonly loading: { readonly stage: string; readonly done: number; readonly total: number } | null;
  readonly model: ModelFacts | null;
  readonly engine: string | null;
  /** Null while it loads, and when there is none. */
  readonly embedder: EmbedderFacts | null;
  readonly slots: number;
  readonly pid: number | null;
  readonly restarts: number;
  /** How often it was replaced, between prompts, because it took too much memory. */
  readonly recycles: number;
  readonly running: number;
  readonly rssBytes: number | null;
  readonly lastExit: ProcessExit | null;
  /** Set in state `failed` (and while a permanent fault lasts): what is wrong and the exact remedy, one line. */
  readonly fault: string | null;
  /** Lines on the worker's stdout that were not protocol, messages for unknown ids, and the like; by kind. */
  readonly protocolFaults: Readonly<Record<string, number>>;
  /** Null for a worker of this machine. */
  readonly upstream: UpstreamStatus | null;
}

/** What became of a run, told when the backend itself has finished with it: only then is its slot free. */
export interface RunOutcome {
  readonly status: ExchangeStatus;
  readonly reason: FinishReason | null;
  readonly error: AppError | null;
  /** All text that was produced, also when the client read less of it or it failed midway. */
  readonly text: string;
  readonly usage: Usage | null;
  readonly timings: Timings | null;
  /** What it was computed in; null when that was not told. */
  readonly numerics: string | null;
  /** The parameters in force, where they are not those of the request. */
  readonly parameters?: Sampling;
}

export interface BackendRun {
  /**
   * `started`, `token`s and one `done`, or throws AppError. Read by one consumer. Buffers what is not yet read: a
   * slow reader never slows the backend. Over 1 MiB of unread text the run is cancelled with `client_too_slow`.
   */
  readonly events: GenerationEvents;
  /** Never rejects. */
  readonly settled: Promise<RunOutcome>;
  /** Made so far, whoever has read them. */
  readonly tokens: number;
}

export interface Backend {
  /**
   * Refuses what it can never do, while that can still be an HTTP error.
   * @throws AppError unsupported_parameter, naming the field
   */
  check(request: Omit<GenerateRequest, 'id'>): void;
  /**
   * Sends the request, now or as soon as it can be taken; what fails before its first text may be tried again, unseen.
   * Aborting the signal cancels: `events` ends at once with a `done` of reason `cancelled`, or fails with the signal's
   * reason where that is an AppError of another code; `settled` when the backend has finished with it.
   */
  generate(request: GenerateRequest, signal: AbortSignal): BackendRun;
  /** Tokens of the input as the model would see it. Rejects with `model_loading` or `model_unavailable` when nothing can count them now. */
  tokenize(input: GenerationInput, signal: AbortSignal): Promise<number>;
  /** Text of the ids, control tokens left out. Rejects as `tokenize` does, and with `invalid_request` for an id that the model does not know. */
  detokenize(tokenIds: readonly number[], signal: AbortSignal): Promise<string>;
  status(): BackendStatus;
  /** Called after every change of state, loading progress or slots; the result unsubscribes. */
  onChange(listener: (status: BackendStatus) => void): () => void;
  start(): void;
  /** Makes an unloaded one ready again; in any other state it does nothing. Whoever asks it anything does this, too. */
  load(): void;
  /** Frees its memory; false, at once, when it has none to free or something to do. */
  unload(): Promise<boolean>;
  /** Runs in flight fail with `shutting_down`; resolves when nothing of it is left. */
  stop(): Promise<void>;
  /** Ends everything now. */
  kill(): void;
}

/** What makes vectors of texts; a worker does both, other servers one or the other. */
export interface EmbedBackend extends Pick<Backend, 'start' | 'load' | 'stop' | 'kill'> {
  /**
   * A vector for each text, in order. Rejects with `model_unavailable` when there is no embedder, and with what is wrong
   * with the texts. Aborting the signal ends the work.
   */
  embed(
    inputs: readonly EmbedInput[],
    options: EmbedOptions,
    signal: AbortSignal,
  ): Promise<readonly Embedding[]>;
  status(): Pick<BackendStatus, 'state' | 'fault' | 'embedder'>;
  onChange(listener: () => void): () => void;
}
