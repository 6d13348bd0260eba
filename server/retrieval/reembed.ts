// The documents of another embedder, cut and embedded anew by this one. Goes on where it was broken off: what is done is
// known by its vectors. Knows no terminal.
import type { Embedder } from '../domain/embedding.js';
import type { Database } from '../store/database.js';
import { readDocument, replaceChunks } from '../store/documents.js';
import { countOutdated, findOutdated } from '../store/outdated-documents.js';
import type { ChunkOptions } from './chunk.js';
import { createChunker, embedChunks } from './ingest.js';

export interface ReembedParts {
  readonly database: Database;
  readonly embedder: Embedder;
  readonly language: string;
  readonly chunking: ChunkOptions;
  readonly onProgress: (done: number, total: number) => void;
}

export interface Reembedded {
  readonly embedder: string;
  readonly documents: number;
  readonly chunks: number;
}

const PAGE = 50;

/** @throws AppError storage_unavailable and what asking the embedder may end in; what is done by then stays done. */
export async function reembed(
  { database, embedder, language, chunking, onProgress }: ReembedParts,
  signal: AbortSignal,
): Promise<Reembedded> {
  database.requireVectors();
  const info = await embedder.describe(signal);
  const cut = createChunker(chunking);
  const total = await countOutdated(database, info);
  let documents = 0;
  let chunks = 0;
  let after: string | null = null;
  for (;;) {
    const ids: readonly string[] = await findOutdated(database, info, { after, limit: PAGE });
    for (const id of ids) {
      const { content } = await readDocument(database, id);
      const made = await embedChunks(content, cut, { embedder, info }, signal);
      const isKept = await replaceChunks(
        database,
        { id, content, chunks: made },
        { language, embedder: info },
      );
      if (isKept) chunks += made.length;
      documents += 1;
      onProgress(documents, total);
    }
    after = ids.at(-1) ?? null;
    if (after === null) return { embedder: info.id, documents, chunks };
  }
}
