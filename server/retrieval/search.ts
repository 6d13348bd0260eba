// The stretches of documents that answer a question: by meaning, by words, or by both, their rankings fused.
// Knows no route; the embedder is passed in.
import type { Embedder, EmbedderInfo } from '../domain/embedding.js';
import {
  type FoundChunk,
  findMatchingChunks,
  findNearestChunks,
  requireSameEmbedder,
} from '../store/chunk-search.js';
import type { Database } from '../store/database.js';
import { fuseRankings } from './fusion.js';

export const SEARCH_MODES = ['hybrid', 'semantic', 'text'] as const;
export type SearchMode = (typeof SEARCH_MODES)[number];

export interface DocumentQuery {
  readonly query: string;
  readonly mode: SearchMode;
  readonly topK: number;
  /** Least similarity, -1 to 1; null takes any. Text mode alone knows no similarity and has no use for it. */
  readonly threshold: number | null;
}

export interface ChunkHit extends FoundChunk {
  /** What it is ranked by: similarity (semantic), rank of its words (text), or both places fused (hybrid). */
  readonly score: number;
}

/**
 * The best first, none below the threshold.
 * @throws AppError storage_unavailable, embedder_mismatch, and what asking the embedder may end in.
 */
export type SearchDocuments = (query: DocumentQuery, signal: AbortSignal) => Promise<readonly ChunkHit[]>;

export interface DocumentSearchParts {
  readonly database: Database;
  readonly embedder: Embedder;
  /** Text search configuration. */
  readonly language: string;
}

/** Of each ranking, before they are fused. */
const MIN_CANDIDATES = 30;
/**
 * What has less of the question's words than that says nothing about its meaning: with it fused in, the first place
 * was right less often (bench/retrieval: MRR 0.80 instead of 0.95).
 */
const MIN_SHARE_OF_WORDS = 0.5;

export function createSearchDocuments({
  database,
  embedder,
  language,
}: DocumentSearchParts): SearchDocuments {
  return async ({ query, mode, topK, threshold }, signal) => {
    database.requireVectors();
    const passes = ({ similarity }: FoundChunk): boolean =>
      threshold === null || similarity === null || similarity >= threshold;
    if (mode === 'text') {
      const found = await findMatchingChunks(database, { query, language, limit: topK });
      return found.map(chunk => ({ ...chunk, score: chunk.rank ?? 0 }));
    }
    const vector = await embedQuestion(database, embedder, query, signal);
    if (mode === 'semantic') {
      const found = await findNearestChunks(database, { vector, limit: topK });
      return found.filter(passes).map(chunk => ({ ...chunk, score: chunk.similarity ?? 0 }));
    }
    const limit = Math.max(MIN_CANDIDATES, topK);
    const [near, matching] = await Promise.all([
      findNearestChunks(database, { vector, limit }),
      findMatchingChunks(database, { query, language, limit, vector }),
    ]);
    const telling = matching.filter(({ rank }) => rank !== null && rank >= MIN_SHARE_OF_WORDS);
    return fuseRankings([near, telling], ({ documentId, position }) => `${documentId} ${position}`)
      .map(({ item, score }) => ({ ...item, score }))
      .filter(passes)
      .slice(0, topK);
  };
}

async function embedQuestion(
  database: Database,
  embedder: Embedder,
  query: string,
  signal: AbortSignal,
): Promise<Float32Array> {
  const info: EmbedderInfo = await embedder.describe(signal);
  await requireSameEmbedder(database, info);
  const [embedding] = await embedder.embed([query], signal);
  if (embedding === undefined) throw new Error('The embedder gave no vector for a question.');
  return embedding.vector;
}
