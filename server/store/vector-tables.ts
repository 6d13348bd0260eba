// The tables of vectors, which need the extension pgvector: made whenever it is there, also when it came later.
import { type Kysely, sql } from 'kysely';

/** Returns whether the database has pgvector; its tables then exist. */
export async function ensureVectorTables<T>(db: Kysely<T>): Promise<boolean> {
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
    create table if not exists exchange_vectors (
      exchange_id uuid primary key references exchanges on delete cascade,
      embedder text not null,
      dimensions integer not null,
      embedding vector not null
    )`.execute(db);
  return true;
}

/** An index for one embedder's dimensions; nearest-neighbour queries must cast as it does: `embedding::vector(384)`. */
export async function ensureVectorIndexes<T>(db: Kysely<T>, dimensions: number): Promise<void> {
  for (const table of ['chunk_vectors', 'exchange_vectors']) {
    await sql`
      create index if not exists ${sql.id(`${table}_${dimensions}`)} on ${sql.id(table)}
      using hnsw ((embedding::vector(${sql.raw(String(dimensions))})) vector_cosine_ops)
      where dimensions = ${sql.raw(String(dimensions))}`.execute(db);
  }
}
