// What the rest of the gateway sees of the Python child: these types and nothing else of this folder's parts.
import type {
  Backend,
  BackendRun,
  BackendState,
  BackendStatus,
  ProcessExit,
  RunOutcome,
} from '../backend/backend.js';
import type { Embedding, EmbedInput, EmbedOptions } from '../domain/embedding.js';
import type { GenerateRequest } from '../domain/generation.js';

export type WorkerState = BackendState;
export type WorkerExit = ProcessExit;
export type WorkerStatus = BackendStatus;
export type WorkerRun = BackendRun;
export type { RunOutcome };

export interface Worker extends Backend {
  /** Spawns the child; returns at once. */
  start(): void;
  /**
   * Sends the request, now or as soon as a worker is ready. A worker that dies before the request's first text is
   * replaced and the request sent once more, unseen; after its first text the run fails with `worker_crashed` or
   * `worker_killed`. Aborting the signal cancels: `events` ends at once with a `done` of reason `cancelled`, `settled` when the worker
   * has acknowledged it (or was killed because it did not).
   */
  generate(request: GenerateRequest, signal: AbortSignal): WorkerRun;
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
  /**
   * Ends a ready worker's process that has nothing to do, so that its memory is free; resolves with true when it is
   * reaped. False, at once, when it is not ready or has something to do.
   */
  unload(): Promise<boolean>;
  /** shutdown message, then SIGTERM, then SIGKILL, each after the stop timeout; resolves when the child is reaped. Runs in flight fail with `shutting_down`. */
  stop(): Promise<void>;
  /** SIGKILL now. */
  kill(): void;
}
