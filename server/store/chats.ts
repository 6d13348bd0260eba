// Exchanges that are turns of one chat, found by its id. A chat is nothing but its exchanges: the log knows no more of it.
import { type Kysely, sql } from 'kysely';
import type { Database } from './database.js';
import type { Schema } from './schema.js';

/** A chat in the list: when it ended last, and what it began with. */
export interface ChatSummary {
  readonly id: string;
  readonly endedAt: Date;
  readonly turns: number;
  /** The prompt of the first turn, its beginning. */
  readonly firstPrompt: string;
  readonly caller: string | null;
}

export interface ChatTurns {
  /** Lines of the log, oldest first: the newest MAX_TURNS. */
  readonly lines: readonly string[];
  /** Of all turns, the newest last. */
  readonly ids: readonly string[];
}

/** Every method throws AppError `storage_unavailable` while there is no database to ask; `owner` null: anybody's. */
export interface Chats {
  /** The one that was used last comes first. */
  list(
    owner: string | null,
    page: { limit: number; offset: number },
  ): Promise<{ chats: readonly ChatSummary[]; total: number }>;
  /** Null when there is none of that id, or it is another's. */
  find(id: string, owner: string | null): Promise<ChatTurns | null>;
}

const MAX_TURNS = 200;
const TITLE_CHARACTERS = 200;

export function createChats(database: Pick<Database, 'run'>): Chats {
  return {
    list: (owner, page) => database.run(db => list(db, owner, page)),
    find: (id, owner) => database.run(db => find(db, id, owner)),
  };
}

function ownedBy(owner: string | null) {
  return owner === null ? sql`true` : sql`caller = ${owner}`;
}

async function list(
  db: Kysely<Schema>,
  owner: string | null,
  { limit, offset }: { limit: number; offset: number },
) {
  const { rows } = await sql<{
    id: string;
    ended_at: Date;
    turns: string;
    first_prompt: string;
    caller: string | null;
    total: string;
  }>`
    with used as (
      select chat_id, max(ended_at) as ended_at, count(*) as turns
      from exchanges
      where chat_id is not null and ${ownedBy(owner)}
      group by chat_id
    ), page as (
      select *, count(*) over () as total from used order by ended_at desc, chat_id limit ${limit} offset ${offset}
    )
    select page.chat_id as id, page.ended_at, page.turns, page.total, first.first_prompt, first.caller
    from page cross join lateral (
      select left(prompt, ${TITLE_CHARACTERS}) as first_prompt, caller
      from exchanges where chat_id = page.chat_id and ${ownedBy(owner)}
      order by ended_at, id limit 1
    ) as first
    order by page.ended_at desc, page.chat_id`.execute(db);
  const chats = rows.map(row => ({
    id: row.id,
    endedAt: row.ended_at,
    turns: Number(row.turns),
    firstPrompt: row.first_prompt,
    caller: row.caller,
  }));
  return { chats, total: Number(rows[0]?.total ?? (offset === 0 ? 0 : await countChats(db, owner))) };
}

async function countChats(db: Kysely<Schema>, owner: string | null): Promise<string> {
  const { rows } = await sql<{ count: string }>`
    select count(distinct chat_id) as count from exchanges where chat_id is not null and ${ownedBy(owner)}`.execute(
    db,
  );
  return rows[0]?.count ?? '0';
}

async function find(db: Kysely<Schema>, id: string, owner: string | null): Promise<ChatTurns | null> {
  const { rows } = await sql<{ id: string; line: string | null }>`
    select id, case when place <= ${MAX_TURNS} then line end as line
    from (
      select id, line, row_number() over (order by ended_at desc, id desc) as place
      from exchanges where chat_id = ${id}::uuid and ${ownedBy(owner)}
    ) as turns
    order by place desc`.execute(db);
  if (rows.length === 0) return null;
  return {
    lines: rows.flatMap(({ line }) => (line === null ? [] : [line])),
    ids: rows.map(turn => turn.id),
  };
}
