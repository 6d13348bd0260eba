// Documents that ground answers, and their chunks. Their vectors need pgvector and are vector-tables.ts's business.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table documents (
      id uuid primary key,
      digest bytea not null unique,
      filename text,
      media_type text not null,
      content text not null,
      characters integer not null,
      metadata json not null,
      language regconfig not null,
      created_at timestamptz not null default now()
    )`.execute(db);
  await sql`create index documents_by_time on documents (created_at desc, id desc)`.execute(db);
  await sql`
    create table chunks (
      document_id uuid not null references documents on delete cascade,
      position integer not null,
      start_offset integer not null,
      end_offset integer not null,
      content text not null,
      language regconfig not null,
      search tsvector not null generated always as (to_tsvector(language, content)) stored,
      primary key (document_id, position)
    )`.execute(db);
  await sql`create index chunks_by_words on chunks using gin (search)`.execute(db);
}
