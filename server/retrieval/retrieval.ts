// Documents, put together from the settings: to add, to find, and what both are bounded by.
import type { Config } from '../config.js';
import type { Embedder } from '../domain/embedding.js';
import type { Logger } from '../log.js';
import type { Database } from '../store/database.js';
import type { ChunkOptions } from './chunk.js';
import { type FileReader, readFileText } from './files/file-text.js';
import { createIngest, type Ingest } from './ingest.js';
import { warnOfMismatch } from './mismatch-warning.js';
import { createSearchDocuments, type SearchDocuments } from './search.js';
import { createStoredDocuments, type StoredDocuments } from './stored-documents.js';

export interface Retrieval {
  readonly ingest: Ingest;
  readonly search: SearchDocuments;
  readonly readFile: FileReader;
  /** For answers that rest on them. */
  readonly documents: StoredDocuments;
  /** TOP_K_RESULTS */
  readonly topK: number;
  /** SIMILARITY_THRESHOLD */
  readonly threshold: number;
  /** Of a request that brings documents. */
  readonly maxBodyBytes: number;
}

export interface RetrievalParts {
  readonly config: Config;
  readonly database: Database;
  readonly embedder: Embedder;
  readonly logger: Logger;
}

export function createRetrieval({ config, database, embedder, logger }: RetrievalParts): Retrieval {
  warnOfMismatch({ database, embedder, logger });
  const language = config.MINIVAULT_LANGUAGE;
  const search = createSearchDocuments({ database, embedder, language });
  return {
    ingest: createIngest({
      database,
      embedder,
      language,
      chunking: chunkingOf(config),
      maxCharacters: config.MINIVAULT_DOCUMENT_MAX_CHARACTERS,
    }),
    readFile: (file, signal) =>
      readFileText(
        file,
        {
          timeoutMs: config.MINIVAULT_PARSE_TIMEOUT_MS,
          maxCharacters: config.MINIVAULT_DOCUMENT_MAX_CHARACTERS,
        },
        signal,
      ),
    search,
    documents: createStoredDocuments({ database, search }),
    topK: config.TOP_K_RESULTS,
    threshold: config.SIMILARITY_THRESHOLD,
    maxBodyBytes: config.MINIVAULT_DOCUMENTS_MAX_BYTES,
  };
}

export function chunkingOf(config: Config): ChunkOptions {
  return {
    maxTokens: config.MINIVAULT_CHUNK_TOKENS,
    overlapTokens: config.MINIVAULT_CHUNK_OVERLAP_TOKENS,
  };
}
