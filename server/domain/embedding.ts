// The words every layer shares about vectors of texts. Types only: no logic.
import type { Caller } from './caller.js';
import type { TraceContext } from './trace.js';

/** A text, or ids of the embedder's own tokenizer. */
export type EmbedInput = string | readonly number[];

export interface Embedding {
  /** Of unit length. */
  readonly vector: Float32Array;
  /** Of the text as it was embedded. */
  readonly tokens: number;
  /** The text was longer than the embedder's context, and its end was cut off. */
  readonly isTruncated: boolean;
}

export interface EmbedOptions {
  /** False refuses a text that is too long instead of cutting it. */
  readonly truncate: boolean;
  /** Of what trace it is a part. */
  readonly trace?: TraceContext;
}

/** By what an embedder's tokens are counted: its tokenizer.json, an encoding of OpenAI's, or words. */
export type TokenizerSource =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'openai'; readonly encoding: 'cl100k_base' }
  | { readonly kind: 'words' };

export interface EmbedderInfo {
  /** Kept with every vector: those of another embedder say nothing to this one's. */
  readonly id: string;
  readonly dimensions: number;
  /** Tokens of a text beyond which it is cut, those that open and close it included. */
  readonly contextLength: number;
  readonly tokenizer: TokenizerSource;
}

/** What turns texts of documents and questions into vectors, wherever it runs. */
export interface Embedder {
  /** Waits while it loads. @throws AppError as `embed` does. */
  describe(signal: AbortSignal): Promise<EmbedderInfo>;
  /**
   * One for each text, in order; what is too long is cut.
   * @param asker whose budget and turn it is; without one it is the gateway's own work
   * @throws AppError model_unavailable and what asking it may end in; with an asker concurrency_exceeded and
   * token_budget_exceeded, too
   */
  embed(
    texts: readonly string[],
    signal: AbortSignal,
    asker?: Pick<Caller, 'share' | 'limits'>,
  ): Promise<readonly Embedding[]>;
}
