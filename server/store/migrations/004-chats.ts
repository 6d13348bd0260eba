// Which exchanges are turns of one chat.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table exchanges add column chat_id uuid`.execute(db);
  // Few exchanges are turns of a chat, and those that are none need no entry.
  await sql`
    create index exchanges_by_chat on exchanges (chat_id, ended_at desc, id desc) where chat_id is not null`.execute(
    db,
  );
}
