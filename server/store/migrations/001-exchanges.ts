// The index of the log: what history and search ask for.
import { type Kysely, sql } from 'kysely';

/** Of each text, so that the lexemes of both stay under PostgreSQL's 1 MiB for a tsvector: beyond it the row would be refused. */
const SEARCHED_CHARACTERS = 100_000;
/** Pages of 8 KiB of words that are not in the index yet, and that every search reads: few, though each row then costs more. */
const PENDING_KIB = 256;

export async function up(db: Kysely<unknown>): Promise<void> {
  const vector = (column: string, weight: string) =>
    `setweight(to_tsvector(language, left(${column}, ${SEARCHED_CHARACTERS})), '${weight}')`;
  await sql`
    create table exchanges (
      id uuid primary key,
      seq bigint not null generated always as identity unique,
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
    ) with (toast_tuple_target = 128)`.execute(db);
  // The id breaks ties: a page's cursor is (ended_at, id).
  await sql`create index exchanges_by_time on exchanges (ended_at desc, id desc)`.execute(db);
  await sql`create index exchanges_by_caller on exchanges (caller, ended_at desc, id desc)`.execute(db);
  await sql`create index exchanges_by_language on exchanges (language)`.execute(db);
  // With the stretch of rows, so that a search for a common word reads the newest rows of the index alone (search-exchanges.ts).
  await sql`
    create index exchanges_by_words on exchanges
    using gin (search, (array[(seq >> 10)::integer, (-1 - (seq >> 16))::integer]))
    with (gin_pending_list_limit = ${sql.raw(String(PENDING_KIB))})`.execute(db);
  await sql`create table log_files (first_id uuid primary key, indexed_bytes bigint not null)`.execute(db);
  await sql`create table erasures (id uuid primary key)`.execute(db);
}
