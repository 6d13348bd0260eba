// The words about answers that rest on stored documents. Types only: no logic, no imports.

/** What a request asks for; null is what the settings say. */
export interface GroundingAsk {
  /** Most passages that are put before the model. */
  readonly topK: number | null;
  /** Least similarity (cosine, -1 to 1) of a passage to the question. */
  readonly threshold: number | null;
  /** True: without documents that can be asked there is no answer. False: there is, and the report says why it is not grounded. */
  readonly isRequired: boolean;
  /** Most tokens of prompt and answer together; null for what the model itself can hold. */
  readonly contextLength: number | null;
}

/** A passage of a stored document that a request was compared with. */
export interface Source {
  readonly documentId: string;
  /** Which passage of its document, from 0. */
  readonly position: number;
  /** UTF-16 code units of the document's text. */
  readonly startOffset: number;
  readonly endOffset: number;
  /** Cosine similarity to the question, -1 to 1. */
  readonly score: number;
  readonly text: string;
  /** Of an uploaded file. */
  readonly filename: string | null;
  /** The JSON object that came with the document. */
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** What became of the wish to ground one answer. */
export interface GroundingReport {
  /** What the documents were searched with. */
  readonly query: string;
  readonly threshold: number;
  /** Those that the model was given, as they are numbered there: the first is [1]. */
  readonly sources: readonly Source[];
  /** How many more passed the threshold, for which the context had no room. */
  readonly omitted: number;
  /** What the reader of the answer should know, one sentence: why there are no sources, or fewer; null for nothing. */
  readonly notice: string | null;
}
