// The index of the log: what history and search ask for.
import { type Kysely, sql } from 'kysely';

/** Of each text, so that the lexemes of both stay under PostgreSQL's 1 MiB for a tsvector: beyond it the row would be refused. */
const SEARCHED_CHARACTERS = 100_000;

export async function up(db: Kysely<unknown>): Promise<void> {
  const vector = (column: string, weight: string) =>
    `setweight(to_tsvector(language, left(${column}, ${SEARCHED_CHARACTERS})), '${weight}')`;
  await sql`
    create table exchanges (
      id uuid primary key,
      ended_at timestamptz not null,
      status text not null,
      dialect text not null,
      caller text,
      model text not null,
      prompt_tokens integer,
      completion_tokens integer,
      line text not null,
      prompt text not null,
      response text not null,
      language regconfig not null,
      search tsvector not null generated always as (${sql.raw(`${vector('prompt', 'A')} || ${vector('response', 'B')}`)}) stored
    )`.execute(db);
  // The id breaks ties: a page's cursor is (ended_at, id).
  await sql`create index exchanges_by_time on exchanges (ended_at desc, id desc)`.execute(db);
  await sql`create index exchanges_by_caller on exchanges (caller, ended_at desc, id desc)`.execute(db);
  await sql`create index exchanges_by_words on exchanges using gin (search)`.execute(db);
  await sql`create table log_files (first_id uuid primary key, indexed_bytes bigint not null)`.execute(db);
  await sql`create table erasures (id uuid primary key)`.execute(db);
}
