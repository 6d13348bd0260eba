// The documents and their chunks as rows: added whole or not at all, listed, read, deleted. What is near a question is
// chunk-search.ts's business.
import type { ExpressionBuilder, Kysely, Selectable } from 'kysely';
import { AppError } from '../errors.js';
import type { Database } from './database.js';
import type { DocumentsTable, Schema } from './schema.js';
import { ensureVectorIndexes, toVectorText } from './vector-tables.js';

export interface StoredEmbedder {
  readonly id: string;
  readonly dimensions: number;
}

export interface NewChunk {
  /** Offsets in UTF-16 code units of the document's content. */
  readonly start: number;
  readonly end: number;
  readonly vector: Float32Array;
}

export interface NewDocument {
  /** UUID; that of the document that is there already goes before it. */
  readonly id: string;
  /** SHA-256 of `content`. */
  readonly digest: Buffer;
  readonly filename: string | null;
  readonly mediaType: string;
  readonly content: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly chunks: readonly NewChunk[];
}

export interface KeptDocument {
  readonly id: string;
  readonly chunks: number;
}

export interface DocumentSummary extends KeptDocument {
  readonly filename: string | null;
  readonly mediaType: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly characters: number;
  readonly createdAt: Date;
}

export interface StoredDocument extends DocumentSummary {
  readonly content: string;
}

export interface AddOptions {
  /** Text search configuration of the chunks. */
  readonly language: string;
  readonly embedder: StoredEmbedder;
}

/** Some 250 KB of vectors of 384 numbers a query. */
const ROWS_A_QUERY = 50;

/** Which of these texts are kept already, by digest in hex. @throws AppError storage_unavailable */
export async function findDocuments(
  database: Database,
  digests: readonly Buffer[],
): Promise<ReadonlyMap<string, KeptDocument>> {
  if (digests.length === 0) return new Map();
  const rows = await database.run(db =>
    db
      .selectFrom('documents')
      .select(['id', 'digest'])
      .select(countChunks)
      .where('digest', 'in', [...digests])
      .execute(),
  );
  return new Map(
    rows.map(({ id, digest, chunks }) => [digest.toString('hex'), { id, chunks: Number(chunks) }]),
  );
}

/**
 * All of them or none. Returns the id of each, in order, and whether it is new: of one that somebody else has added
 * meanwhile it is that one's.
 * @throws AppError storage_unavailable, also without pgvector
 */
export async function addDocuments(
  database: Database,
  documents: readonly NewDocument[],
  { language, embedder }: AddOptions,
): Promise<readonly { id: string; isNew: boolean }[]> {
  database.requireVectors();
  await database.run(db => ensureVectorIndexes(db, embedder.dimensions));
  return database.transaction(async db => {
    const added: { id: string; isNew: boolean }[] = [];
    for (const { id, digest, filename, mediaType, content, metadata, chunks } of documents) {
      const row = await db
        .insertInto('documents')
        .values({
          id,
          digest,
          filename,
          media_type: mediaType,
          content,
          characters: content.length,
          metadata: JSON.stringify(metadata),
          language,
        })
        .onConflict(conflict => conflict.column('digest').doNothing())
        .returning('id')
        .executeTakeFirst();
      if (row === undefined) {
        const { id: kept } = await db
          .selectFrom('documents')
          .select('id')
          .where('digest', '=', digest)
          .executeTakeFirstOrThrow();
        added.push({ id: kept, isNew: false });
      } else {
        await insertChunks(db, { id, content, chunks }, { language, embedder });
        added.push({ id, isNew: true });
      }
    }
    return added;
  });
}

/**
 * The chunks and vectors of a document anew, as another embedder has them; false when the document is gone.
 * @throws AppError storage_unavailable, also without pgvector
 */
export async function replaceChunks(
  database: Database,
  document: Pick<NewDocument, 'id' | 'content' | 'chunks'>,
  options: AddOptions,
): Promise<boolean> {
  database.requireVectors();
  await database.run(db => ensureVectorIndexes(db, options.embedder.dimensions));
  return database.transaction(async db => {
    const row = await db
      .selectFrom('documents')
      .select('id')
      .where('id', '=', document.id)
      .forUpdate()
      .executeTakeFirst();
    if (row === undefined) return false;
    await db.deleteFrom('chunks').where('document_id', '=', document.id).execute();
    await insertChunks(db, document, options);
    return true;
  });
}

async function insertChunks(
  db: Kysely<Schema>,
  { id, content, chunks }: Pick<NewDocument, 'id' | 'content' | 'chunks'>,
  { language, embedder }: AddOptions,
): Promise<void> {
  for (let from = 0; from < chunks.length; from += ROWS_A_QUERY) {
    const some = chunks.slice(from, from + ROWS_A_QUERY);
    const inserted = await db
      .insertInto('chunks')
      .values(
        some.map(({ start, end }, index) => ({
          document_id: id,
          position: from + index,
          start_offset: start,
          end_offset: end,
          content: content.slice(start, end),
          language,
        })),
      )
      .execute();
    const vectors = await db
      .insertInto('chunk_vectors')
      .values(
        some.map(({ vector }, index) => ({
          document_id: id,
          position: from + index,
          embedder: embedder.id,
          dimensions: embedder.dimensions,
          embedding: toVectorText(vector),
        })),
      )
      .execute();
    // The embedded database has been seen to answer a query that it could not take with nothing.
    for (const [result] of [inserted, vectors]) {
      if (Number(result?.numInsertedOrUpdatedRows) !== some.length) {
        throw new AppError('storage_unavailable', 'The database did not keep all chunks; nothing was added.');
      }
    }
  }
}

/** A page of all documents, the newest first, and how many there are. @throws AppError storage_unavailable */
export async function listDocuments(
  database: Database,
  { limit, offset }: { readonly limit: number; readonly offset: number },
): Promise<{ documents: readonly DocumentSummary[]; total: number }> {
  database.requireVectors();
  return database.run(async db => {
    const rows = await summaries(db)
      .orderBy('created_at', 'desc')
      .orderBy('id', 'desc')
      .limit(limit)
      .offset(offset)
      .execute();
    const { total } = await db
      .selectFrom('documents')
      .select(({ fn }) => fn.countAll<string>().as('total'))
      .executeTakeFirstOrThrow();
    return { documents: rows.map(toSummary), total: Number(total) };
  });
}

/** @throws AppError document_not_found, storage_unavailable */
export async function readDocument(database: Database, id: string): Promise<StoredDocument> {
  database.requireVectors();
  const row = await database.run(db =>
    summaries(db).select('content').where('id', '=', id).executeTakeFirst(),
  );
  if (row === undefined) throw notFound(id);
  return { ...toSummary(row), content: row.content };
}

/** Chunks and vectors go with it. @throws AppError document_not_found, storage_unavailable */
export async function deleteDocument(database: Database, id: string): Promise<void> {
  database.requireVectors();
  const { numDeletedRows } = await database.run(db =>
    db.deleteFrom('documents').where('id', '=', id).executeTakeFirst(),
  );
  if (numDeletedRows === 0n) throw notFound(id);
}

function notFound(id: string): AppError {
  return new AppError('document_not_found', `There is no document ${id}.`, { param: 'id' });
}

function summaries(db: Kysely<Schema>) {
  return db
    .selectFrom('documents')
    .select(['id', 'filename', 'media_type', 'metadata', 'characters', 'created_at'])
    .select(countChunks);
}

/** As `chunks`, of the row of `documents` it stands in. */
function countChunks({ selectFrom }: ExpressionBuilder<Schema, 'documents'>) {
  return selectFrom('chunks')
    .select(({ fn }) => fn.countAll<string>().as('count'))
    .whereRef('chunks.document_id', '=', 'documents.id')
    .as('chunks');
}

type SummaryRow = Omit<Selectable<DocumentsTable>, 'digest' | 'content' | 'language'> & {
  readonly chunks: string | null;
};

function toSummary(row: SummaryRow): DocumentSummary {
  return {
    id: row.id,
    filename: row.filename,
    mediaType: row.media_type,
    metadata: row.metadata,
    characters: row.characters,
    chunks: Number(row.chunks),
    createdAt: row.created_at,
  };
}
