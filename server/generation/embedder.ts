// The embedder as documents see it: what it is, and texts to vectors. Knows no document.
import type { EmbedBackend } from '../backend/backend.js';
import type { Embedder, TokenizerSource } from '../domain/embedding.js';
import type { EmbedderFacts } from '../domain/model-facts.js';
import { AppError } from '../errors.js';
import type { Embed } from './embed.js';
import type { EmbedFor } from './limited.js';

const RETRY_AFTER_MS = 60_000;

export interface EmbedderParts {
  readonly embed: Embed;
  /** For texts of a caller; the gateway's own know no limit. */
  readonly embedFor?: EmbedFor;
  readonly worker: Pick<EmbedBackend, 'status'>;
}

export function createEmbedder({
  embed,
  embedFor = (_, request, signal) => embed(request, signal),
  worker,
}: EmbedderParts): Embedder {
  const embedTexts: Embedder['embed'] = async (texts, signal, asker) => {
    const request = { inputs: texts, truncate: true };
    const asked = asker === undefined ? embed(request, signal) : embedFor(asker, request, signal);
    return (await asked).embeddings;
  };
  return {
    embed: embedTexts,
    describe: async signal => {
      // Nothing to embed, but a turn to wait for: by then it is known who embeds.
      if (worker.status().embedder === null) await embedTexts([], signal);
      const { embedder } = worker.status();
      if (embedder === null) {
        throw new AppError('model_unavailable', 'There is no embedder: EMBEDDING_MODEL names one.', {
          retryAfterMs: RETRY_AFTER_MS,
        });
      }
      const { id, dimensions, context_length: contextLength } = embedder;
      return { id, dimensions, contextLength, tokenizer: toTokenizer(embedder) };
    },
  };
}

function toTokenizer({ tokenizer }: EmbedderFacts): TokenizerSource {
  if (tokenizer === null) return { kind: 'words' };
  if (tokenizer === 'cl100k_base') return { kind: 'openai', encoding: tokenizer };
  return { kind: 'file', path: tokenizer };
}
