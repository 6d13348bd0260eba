// How texts become vectors: a place in a line of their own, then the worker. Knows no dialect.

import type { EmbedBackend } from '../backend/backend.js';
import type { Embedding, EmbedInput, EmbedOptions } from '../domain/embedding.js';
import type { EmbedRecorder } from '../domain/recorder.js';
import type { Span } from '../domain/trace.js';
import { AppError, toAppError } from '../errors.js';
import { NO_SPAN } from '../tracing/untraced.js';
import type { Admission } from './admission.js';

/** Requests that the worker has at once; it takes turns between them. */
export const EMBED_SLOTS = 4;

export interface EmbedParts {
  /** Not that of the prompts: texts neither wait for a slot of the model nor take one. */
  readonly admission: Admission;
  readonly worker: Pick<EmbedBackend, 'embed' | 'load' | 'status'>;
  readonly recorder: EmbedRecorder;
}

export interface EmbedRequest extends EmbedOptions {
  readonly inputs: readonly EmbedInput[];
  /** What the client wants the vectors' length to be. */
  readonly dimensions?: number | undefined;
  /** Whose turn it takes in the line. */
  readonly share?: string;
  /** Of the request that asks; nobody traces without it. */
  readonly span?: Span;
}

export interface EmbedResult {
  /** One for each input, in order. */
  readonly embeddings: readonly Embedding[];
  /** From the request to its turn, the loading of the model included. */
  readonly waitedMs: number;
}

/**
 * Loads an unloaded model, and waits while the worker loads, as prompts do. Throws AppError: queue_full, queue_timeout, unsupported_parameter for other dimensions
 * than the embedder's, model_unavailable without one, invalid_request and context_length_exceeded naming `input`.
 * Aborting the signal leaves the line or ends the work.
 */
export type Embed = (request: EmbedRequest, signal: AbortSignal) => Promise<EmbedResult>;

export function createEmbed({ admission, worker, recorder }: EmbedParts): Embed {
  return async ({ inputs, truncate, dimensions, share, span = NO_SPAN }, signal) => {
    const enteredAtMs = performance.now();
    const ticket = admission.enter(signal, { share });
    const model = worker.status().embedder?.id;
    const own = span.child(model === undefined ? 'embeddings' : `embeddings ${model}`, {
      kind: 'client',
      attributes: { 'gen_ai.operation.name': 'embeddings', 'gen_ai.provider.name': 'minivault' },
    });
    try {
      worker.load();
      await ticket.granted;
      const waitedMs = performance.now() - enteredAtMs;
      requireDimensions(dimensions, worker.status().embedder?.dimensions);
      const { context: trace } = own;
      const embeddings = await worker.embed(inputs, { truncate, ...(trace && { trace }) }, signal);
      const tokens = embeddings.reduce((sum, embedding) => sum + embedding.tokens, 0);
      recorder.embedded('completed', tokens, performance.now() - enteredAtMs);
      own.set({ 'gen_ai.usage.input_tokens': tokens });
      return { embeddings, waitedMs };
    } catch (error) {
      recorder.embedded(signal.aborted ? 'cancelled' : 'failed', 0, performance.now() - enteredAtMs);
      own.fail(signal.aborted ? 'cancelled' : toAppError(error).code);
      throw namingInput(error);
    } finally {
      ticket.release();
      own.end();
    }
  };
}

function requireDimensions(wanted: number | undefined, has: number | undefined): void {
  if (wanted === undefined || has === undefined || wanted === has) return;
  throw new AppError(
    'unsupported_parameter',
    `"dimensions" is not supported: the embedder's vectors have ${has} numbers, and other lengths are not made of them.`,
    { param: 'dimensions' },
  );
}

/** The worker knows no field names; what it finds wrong is in the texts. */
function namingInput(error: unknown): unknown {
  if (!(error instanceof AppError) || error.status !== 400 || error.param !== undefined) return error;
  return new AppError(error.code, error.message, { param: 'input', cause: error });
}
