// How many exchanges there are of each kind, by the hour: counting a million rows on every page would take a second.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  // An exchange without a caller is counted under the empty name, which is nobody's.
  await sql`
    create table exchange_counts (
      hour timestamptz not null,
      status text not null,
      dialect text not null,
      model text not null,
      caller text not null,
      count bigint not null,
      primary key (hour, status, dialect, model, caller)
    )`.execute(db);
  await sql`
    create function count_exchanges() returns trigger language plpgsql as $$
    begin
      if tg_op = 'TRUNCATE' then
        delete from exchange_counts;
        return null;
      end if;
      insert into exchange_counts
      select date_trunc('hour', ended_at, 'UTC'), status, dialect, model, coalesce(caller, ''),
        count(*) * (case tg_op when 'INSERT' then 1 else -1 end)
      from changed
      group by 1, 2, 3, 4, 5
      order by 1, 2, 3, 4, 5
      on conflict (hour, status, dialect, model, caller)
      do update set count = exchange_counts.count + excluded.count;
      return null;
    end $$`.execute(db);
  for (const [event, table] of [
    ['insert', 'new'],
    ['delete', 'old'],
  ] as const) {
    await sql`
      create trigger ${sql.id(`exchanges_counted_on_${event}`)} after ${sql.raw(event)} on exchanges
      referencing ${sql.raw(table)} table as changed
      for each statement execute function count_exchanges()`.execute(db);
  }
  await sql`
    create trigger exchanges_counted_on_truncate after truncate on exchanges
    for each statement execute function count_exchanges()`.execute(db);
  // Pages of one kind of exchange alone, where it is rare.
  for (const column of ['status', 'dialect', 'model']) {
    await sql`
      create index ${sql.id(`exchanges_by_${column}`)} on exchanges (${sql.id(column)}, ended_at desc, id desc)`.execute(
      db,
    );
  }
}
