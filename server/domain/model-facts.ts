// What is known of the models that answer and that make vectors, in the names of the worker's protocol. Types only.

/** Of the model that answers; what a backend cannot know is 0, empty, `unknown` or null. */
export interface ModelFacts {
  readonly id: string;
  /** `sha256:` of the weights and tokenizer that were loaded. */
  readonly digest: string;
  readonly architecture: string;
  readonly parameters: number;
  readonly context_length: number;
  readonly dtype: string;
  readonly quantization: string;
  readonly device: string;
  readonly chat_template: boolean;
  /** The form in which tools are called in the answer's text, or `native` where calls come as events; null when it cannot call any. */
  readonly tool_format: string | null;
  /** Of the text that ships with the program: with the weights as given, and as rounded for speed. */
  readonly perplexity: { readonly unquantized: number; readonly quantized: number } | null;
  readonly details: {
    readonly family: string;
    readonly layers: number | null;
    readonly embedding_length: number | null;
    readonly heads: number | null;
    readonly kv_heads: number | null;
    readonly vocabulary: number | null;
    readonly size_bytes: number;
    readonly modified_at: string;
    readonly template: string | null;
  } | null;
}

export interface EmbedderFacts {
  readonly id: string;
  readonly dimensions: number;
  /** Tokens of a text beyond which it is cut. */
  readonly context_length: number;
  readonly family: string;
  readonly digest: string;
  readonly size_bytes: number;
  readonly modified_at: string;
  /** Path of its tokenizer.json, or `cl100k_base`, which is OpenAI's; null: a word is a token. */
  readonly tokenizer: string | null;
}
