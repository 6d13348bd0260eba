// The tables of vectors, which need the extension pgvector: made whenever it is there, also when it came later.
import { type Kysely, sql, type Transaction } from 'kysely';

/** Any number that nobody else locks. */
const LOCK_ID = 7_305_129_441;

/** Returns whether the database has pgvector; its tables then exist. */
export async function ensureVectorTables<T>(db: Kysely<T>): Promise<boolean> {
  return db.transaction().execute(makeTables);
}

async function makeTables<T>(db: Transaction<T>): Promise<boolean> {
  // `if not exists` looks first and makes then: of two gateways at once, one would fail.
  await sql`select pg_advisory_xact_lock(${sql.lit(LOCK_ID)})`.execute(db);
  const { rows } = await sql<{ installed: string | null }>`
    select installed_version as installed from pg_available_extensions where name = 'vector'`.execute(db);
  const [extension] = rows;
  if (extension === undefined) return false;
  if (extension.installed === null) await sql`create extension if not exists vector`.execute(db);
  await sql`
    create table if not exists chunk_vectors (
      document_id uuid not null,
      position integer not null,
      embedder text not null,
      dimensions integer not null,
      embedding vector not null,
      primary key (document_id, position),
      foreign key (document_id, position) references chunks on delete cascade
    )`.execute(db);
  await sql`
    create index if not exists chunk_vectors_by_embedder on chunk_vectors (embedder, dimensions)`.execute(db);
  await sql`
    create table if not exists exchange_vectors (
      exchange_id uuid primary key references exchanges on delete cascade,
      embedder text not null,
      dimensions integer not null,
      embedding vector not null
    )`.execute(db);
  return true;
}

/** pgvector's HNSW takes no longer ones: these are compared one by one. */
const MAX_INDEXED_DIMENSIONS = 2_000;

/** An index for one embedder's dimensions; nearest-neighbour queries must cast as it does: `embedding::vector(384)`. */
export async function ensureVectorIndexes<T>(db: Kysely<T>, dimensions: number): Promise<void> {
  if (dimensions > MAX_INDEXED_DIMENSIONS) return;
  for (const table of ['chunk_vectors', 'exchange_vectors']) {
    const name = `${table}_${dimensions}`;
    // Not `if not exists` alone, which waits for every writer of the table also when there is nothing to do.
    const { rows } = await sql<{ found: string | null }>`select to_regclass(${name})::text as found`.execute(
      db,
    );
    if (rows[0]?.found != null) continue;
    await sql`
      create index if not exists ${sql.id(name)} on ${sql.id(table)}
      using hnsw ((embedding::vector(${sql.raw(String(dimensions))})) vector_cosine_ops)
      where dimensions = ${sql.raw(String(dimensions))}`.execute(db);
  }
}

/** As pgvector reads it. */
export function toVectorText(vector: Float32Array): string {
  return `[${vector.join(',')}]`;
}
