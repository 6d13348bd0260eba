// The stored documents as an answer needs them: what is near a question, with how near it is. Knows no model.
import type { Source } from '../domain/grounding.js';
import { hasChunks } from '../store/chunk-search.js';
import type { Database } from '../store/database.js';
import type { SearchDocuments } from './search.js';

/** So many are ranked, so that the threshold is what leaves passages out. */
const MIN_RANKED = 30;

export interface StoredDocuments {
  /** @throws AppError storage_unavailable with the remedy when they cannot be asked. */
  require(): void;
  /**
   * The passages that answer the query best, by meaning and words, best first; null, without asking the embedder, when none
   * is stored.
   * @throws AppError storage_unavailable, embedder_mismatch, what embedding throws, cancelled when the signal is aborted
   */
  findNearest(query: string, topK: number, signal: AbortSignal): Promise<readonly Source[] | null>;
}

export interface StoredDocumentsParts {
  readonly database: Database;
  readonly search: SearchDocuments;
}

export function createStoredDocuments({ database, search }: StoredDocumentsParts): StoredDocuments {
  return {
    require: () => database.requireVectors(),
    findNearest: async (query, topK, signal) => {
      if (!(await hasChunks(database))) return null;
      const ranked = Math.max(MIN_RANKED, topK);
      const hits = await search({ query, mode: 'hybrid', topK: ranked, threshold: null }, signal);
      return hits.map(
        ({ documentId, position, start, end, similarity, text, filename, metadata }): Source => ({
          documentId,
          position,
          startOffset: start,
          endOffset: end,
          score: similarity ?? -1,
          text,
          filename,
          metadata,
        }),
      );
    },
  };
}
