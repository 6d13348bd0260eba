// An embedder without a worker: the vector of a text is made of its letters, so that texts of the same letters are near.
import type { Embedder } from '../domain/embedding.js';

export interface ScriptedEmbedder extends Embedder {
  /** Every text it was given, in order. */
  readonly texts: readonly string[];
  /** Thrown instead of the next answer. */
  failure: Error | null;
}

export function scriptedEmbedder(id = 'letters', dimensions = 8): ScriptedEmbedder {
  const texts: string[] = [];
  const embedder: ScriptedEmbedder = {
    texts,
    failure: null,
    describe: async () => ({ id, dimensions, contextLength: 34, tokenizer: { kind: 'words' } }),
    embed: async some => {
      const { failure } = embedder;
      embedder.failure = null;
      if (failure !== null) throw failure;
      texts.push(...some);
      return some.map(text => ({ vector: toVector(text, dimensions), tokens: 1, isTruncated: false }));
    },
  };
  return embedder;
}

function toVector(text: string, dimensions: number): Float32Array {
  const vector = new Float32Array(dimensions);
  for (const letter of text.toLowerCase()) {
    const index = (letter.codePointAt(0) ?? 0) % dimensions;
    vector[index] = (vector[index] ?? 0) + 1;
  }
  const length = Math.hypot(...vector);
  return vector.map(number => number / length);
}
