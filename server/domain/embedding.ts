// The words every layer shares about vectors of texts. Types only: no logic, no imports.

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
}
