// Which chunks are near a question, in meaning (cosine of vectors, by HNSW) and in words (PostgreSQL's full text
// search). Knows no embedder: the question comes as a vector.
import { type Kysely, type RawBuilder, sql } from 'kysely';
import { AppError } from '../errors.js';
import type { Database } from './database.js';
import type { StoredEmbedder } from './documents.js';
import type { Schema } from './schema.js';
import { toVectorText } from './vector-tables.js';

export interface FoundChunk {
  readonly documentId: string;
  /** From 0, of its document. */
  readonly position: number;
  /** Offsets in UTF-16 code units of the document's content. */
  readonly start: number;
  readonly end: number;
  readonly text: string;
  readonly filename: string | null;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Cosine of its vector and the question's, -1 to 1; null when no vector was given. */
  readonly similarity: number | null;
  /** Share of the question's words that it has, rare ones weighing more, 0 to 1; null when they were not asked about. */
  readonly rank: number | null;
}

interface Row {
  readonly document_id: string;
  readonly position: number;
  readonly start_offset: number;
  readonly end_offset: number;
  readonly content: string;
  readonly filename: string | null;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly similarity: number | null;
  readonly rank: number | null;
}

/** HNSW finds no more than it looks through; pgvector's own default is 40. */
const MIN_LOOKED_THROUGH = 100;
/** Beyond so many chunks nobody counts on: a word that common says little. */
const MAX_COUNTED = 10_000;
/** What asks for more than words: quotes, "or", a minus before a word. */
const OPERATOR = /"|(?:^|\s)(?:or(?=\s)|-\S)/i;
const RETRY_AFTER_REEMBED_MS = 60_000;

/** The nearest first. @throws AppError storage_unavailable, also without pgvector */
export async function findNearestChunks(
  database: Database,
  { vector, limit }: { readonly vector: Float32Array; readonly limit: number },
): Promise<readonly FoundChunk[]> {
  database.requireVectors();
  const distance = distanceTo(vector);
  return database.transaction(async db => {
    const lookedThrough = String(Math.max(MIN_LOOKED_THROUGH, limit));
    await sql`select set_config('hnsw.ef_search', ${lookedThrough}, true)`.execute(db);
    const { rows } = await sql<Row>`
      select c.document_id, c.position, c.start_offset, c.end_offset, c.content, d.filename, d.metadata,
        1 - near.distance as similarity, null as rank
      from (
        select document_id, position, ${distance} as distance from chunk_vectors
        where dimensions = ${sql.raw(String(vector.length))} order by ${distance} limit ${limit}
      ) near
      join chunks c using (document_id, position)
      join documents d on d.id = c.document_id
      order by near.distance, c.document_id, c.position`.execute(db);
    return rows.map(toFound);
  });
}

/** Whether there is anything to find. @throws AppError storage_unavailable, also without pgvector */
export async function hasChunks(database: Database): Promise<boolean> {
  database.requireVectors();
  return database.run(async db => {
    const found = await db.selectFrom('chunk_vectors').select('document_id').limit(1).executeTakeFirst();
    return found !== undefined;
  });
}

/**
 * Those that have most of the words first, rare words weighing more; with quotes, "or" or a minus in the question only
 * those that match it whole. With a vector each has its similarity.
 * @throws AppError storage_unavailable, also without pgvector
 */
export async function findMatchingChunks(
  database: Database,
  {
    query,
    language,
    limit,
    vector,
  }: {
    /** In the syntax of web search engines: words, "a phrase", or, -not. */
    readonly query: string;
    readonly language: string;
    readonly limit: number;
    readonly vector?: Float32Array;
  },
): Promise<readonly FoundChunk[]> {
  database.requireVectors();
  return database.run(async db => {
    const asked = OPERATOR.test(query)
      ? sql`select websearch_to_tsquery(${language}::regconfig, ${query}) as wanted`
      : sql`select string_agg(word::text, ' | ')::tsquery as wanted from words`;
    const similarity = vector === undefined ? sql`null` : sql`1 - (${distanceTo(vector)})`;
    const { rows } = await sql<Row>`
      with words as (
        select ('''' || replace(replace(word, '\\', '\\\\'), '''', '''''') || '''')::tsquery as word
        from unnest(tsvector_to_array(to_tsvector(${language}::regconfig, ${query}))) word
      ),
      asked as (${asked}),
      -- Rarer words weigh more; how common the common ones are makes no difference any more.
      weights as (
        select word, ln(1 + total.chunks / greatest(1.0, (
          select count(*) from (select from chunks where search @@ word limit ${MAX_COUNTED}) containing
        ))) as weight
        from words, (select count(*) as chunks from (select from chunks limit ${MAX_COUNTED}) counted) total
      )
      select c.document_id, c.position, c.start_offset, c.end_offset, c.content, d.filename, d.metadata,
        ${similarity} as similarity, found.rank
      from (
        select document_id, position, (
          select coalesce(sum(weight) filter (where search @@ word) / nullif(sum(weight), 0), 0) from weights
        )::float8 as rank, ts_rank_cd(search, wanted) as density
        from chunks, asked where search @@ wanted
        order by rank desc, density desc, document_id, position limit ${limit}
      ) found
      join chunks c using (document_id, position)
      join documents d on d.id = c.document_id
      left join chunk_vectors v on v.document_id = c.document_id and v.position = c.position
        and v.dimensions = ${vector?.length ?? 0}
      order by found.rank desc, found.density desc, c.document_id, c.position`.execute(db);
    return rows.map(toFound);
  });
}

/**
 * Vectors of another embedder say nothing to this one's.
 * @throws AppError embedder_mismatch naming both and the remedy; storage_unavailable, also without pgvector
 */
export async function requireSameEmbedder(
  database: Database,
  { id, dimensions }: StoredEmbedder,
): Promise<void> {
  database.requireVectors();
  const other = await database.run(db => findOtherEmbedder(db, { id, dimensions }));
  if (other === null) return;
  throw new AppError(
    'embedder_mismatch',
    `Documents were embedded by ${other.id} (${other.dimensions} dimensions), the embedder is ${id} (${dimensions}): run npm run reembed, or set EMBEDDING_MODEL back.`,
    { retryAfterMs: RETRY_AFTER_REEMBED_MS },
  );
}

/** Three look-ups in an index, however many vectors there are. */
async function findOtherEmbedder(
  db: Kysely<Schema>,
  { id, dimensions }: StoredEmbedder,
): Promise<StoredEmbedder | null> {
  const { rows } = await sql<StoredEmbedder>`
    (select embedder as id, dimensions from chunk_vectors where embedder < ${id} limit 1)
    union all (select embedder, dimensions from chunk_vectors where embedder > ${id} limit 1)
    union all (select embedder, dimensions from chunk_vectors where embedder = ${id} and dimensions < ${dimensions} limit 1)
    union all (select embedder, dimensions from chunk_vectors where embedder = ${id} and dimensions > ${dimensions} limit 1)
    limit 1`.execute(db);
  return rows[0] ?? null;
}

/** Cast as the index is, or it would not be used. */
function distanceTo(vector: Float32Array): RawBuilder<number> {
  const type = sql.raw(`vector(${vector.length})`);
  return sql<number>`embedding::${type} <=> ${toVectorText(vector)}::${type}`;
}

function toFound(row: Row): FoundChunk {
  return {
    documentId: row.document_id,
    position: row.position,
    start: row.start_offset,
    end: row.end_offset,
    text: row.content,
    filename: row.filename,
    metadata: row.metadata,
    similarity: row.similarity,
    rank: row.rank,
  };
}
