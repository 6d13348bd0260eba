// What the rest of the gateway sees of the Python child: these types and nothing else of this folder's parts.
import type { Embedding, EmbedInput, EmbedOptions } from '../domain/embedding.js';
import type { ExchangeStatus } from '../domain/exchange.js';
import type {
  FinishReason,
  GenerateRequest,
  GenerationEvents,
  GenerationInput,
  Timings,
  Usage,
} from '../domain/generation.js';
import type { AppError } from '../errors.js';
import type { WorkerEmbedder, WorkerModel } from './protocol.js';

/** `unloaded`: ended because nobody needs it now; the next one who does starts it again. */
export type WorkerState = 'starting' | 'ready' | 'unloaded' | 'restarting' | 'failed' | 'stopped';

/** How a worker process ended. `stderr` holds the last lines it wrote, at most 8 KiB. */
export interface WorkerExit {
  readonly at: string;
  readonly code: number | null;
  readonly signal: string | null;
  readonly reason: string;
  readonly stderr: readonly string[];
}

export interface WorkerStatus {
  readonly state: WorkerState;
  /** While loading: the worker's own words and figures, for a progress bar. */
  readonly loading: { readonly stage: string; readonly done: number; readonly total: number } | null;
  readonly model: WorkerModel | null;
  readonly engine: string | null;
  /** Null while it loads, and when the worker has none. */
  readonly embedder: WorkerEmbedder | null;
  readonly slots: number;
  readonly pid: number | null;
  readonly restarts: number;
  readonly running: number;
  readonly rssBytes: number | null;
  readonly lastExit: WorkerExit | null;
  /** Set in state `failed` (and while a permanent fault lasts): what is wrong and the exact remedy, one line. */
  readonly fault: string | null;
  /** Lines on the worker's stdout that were not protocol, messages for unknown ids, and the like; by kind. */
  readonly protocolFaults: Readonly<Record<string, number>>;
}

/** What became of a run, told when the worker itself has finished with it: only then is its slot free. */
export interface RunOutcome {
  readonly status: ExchangeStatus;
  readonly reason: FinishReason | null;
  readonly error: AppError | null;
  /** All text the worker produced, also when the client read less of it or it failed midway. */
  readonly text: string;
  readonly usage: Usage | null;
  readonly timings: Timings | null;
  /** What it was computed in; null when the worker told no end. */
  readonly numerics: string | null;
}

export interface WorkerRun {
  /**
   * `started`, `token`s and one `done`, or throws AppError. Read by one consumer. Buffers what is not yet read: a
   * slow reader never slows the worker. Over 1 MiB of unread text the run is cancelled with `client_too_slow`.
   */
  readonly events: GenerationEvents;
  /** Never rejects. */
  readonly settled: Promise<RunOutcome>;
}

export interface Worker {
  /** Spawns the child; returns at once. */
  start(): void;
  /**
   * Sends the request, now or as soon as a worker is ready. A worker that dies before the request's first text is
   * replaced and the request sent once more, unseen; after its first text the run fails with `worker_crashed` or
   * `worker_killed`. Aborting the signal cancels: `events` ends at once with a `done` of reason `cancelled`, `settled` when the worker
   * has acknowledged it (or was killed because it did not).
   */
  generate(request: GenerateRequest, signal: AbortSignal): WorkerRun;
  /** Tokens of the input as the model would see it. Rejects with `model_loading` or `model_unavailable` when there is no ready worker. */
  tokenize(input: GenerationInput, signal: AbortSignal): Promise<number>;
  /** Text of the ids, control tokens left out. Rejects as `tokenize` does, and with `invalid_request` for an id that the model does not know. */
  detokenize(tokenIds: readonly number[], signal: AbortSignal): Promise<string>;
  /**
   * A vector for each text, in order. Waits for a ready worker; one that dies is asked once more, each batch of texts
   * for itself. Rejects with what the worker says, `model_unavailable` when it has no embedder, `worker_crashed` or
   * `worker_killed` after the second death. Aborting the signal stops the worker between two chunks.
   */
  embed(
    inputs: readonly EmbedInput[],
    options: EmbedOptions,
    signal: AbortSignal,
  ): Promise<readonly Embedding[]>;
  status(): WorkerStatus;
  /** Starts an unloaded worker again; in any other state it does nothing. Whoever asks the worker anything does this, too. */
  load(): void;
  /**
   * Ends a ready worker's process that has nothing to do, so that its memory is free; resolves with true when it is
   * reaped. False, at once, when it is not ready or has something to do.
   */
  unload(): Promise<boolean>;
  /** Called after every change of state, loading progress or slots; the result unsubscribes. */
  onChange(listener: (status: WorkerStatus) => void): () => void;
  /** shutdown message, then SIGTERM, then SIGKILL, each after the stop timeout; resolves when the child is reaped. Runs in flight fail with `shutting_down`. */
  stop(): Promise<void>;
  /** SIGKILL now. */
  kill(): void;
}
