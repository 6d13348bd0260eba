// What PostgreSQL's background processes do on a server: the embedded one has none, so its write-ahead log would grow
// until it is closed, deleted rows keep their space, and the planner know no table's size.
import { sql } from 'kysely';
import type { Database } from './database.js';

const INTERVAL_MS = 10_000;
/** Everybody waits meanwhile, and it is done a little at a time. */
const DEADLINE_MS = 120_000;
const MAX_WAL_BYTES = 64 * 1024 * 1024;
/** As autovacuum judges: so many rows and such a share of the table have changed. */
const MIN_ROWS = 1_000;
const MIN_SHARE = 0.2;

/** Looks every 10 s; the result ends that. */
export function startUpkeep(database: Database): () => void {
  let isBusy = false;
  const timer = setInterval(() => {
    if (isBusy || database.status().state !== 'ready') return;
    isBusy = true;
    // What fails now, on a full disk perhaps, is tried again next time; queries tell of it.
    void upkeep(database)
      .catch(() => {})
      .finally(() => {
        isBusy = false;
      });
  }, INTERVAL_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/** One round: shortens the write-ahead log if it is long, and tends to the table that has changed most. */
export async function upkeep(database: Database, maxWalBytes = MAX_WAL_BYTES): Promise<void> {
  const within = { deadlineMs: DEADLINE_MS };
  const wal = await database.run(db =>
    sql<{ bytes: number }>`
      select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), redo_lsn)::float8 as bytes
      from pg_control_checkpoint()`.execute(db),
  );
  if ((wal.rows[0]?.bytes ?? 0) > maxWalBytes) await database.run(db => sql`checkpoint`.execute(db), within);
  // What was changed in the last seconds would not be counted yet.
  await database.run(db => sql`select pg_stat_force_next_flush()`.execute(db));
  const changed = await database.run(db =>
    sql<{ name: string; dead: boolean }>`
      select s.relname as name, s.n_dead_tup > m.most as dead
      from pg_stat_user_tables s
      join pg_class c on c.oid = s.relid
      cross join lateral (select ${MIN_ROWS} + ${MIN_SHARE} * greatest(c.reltuples, 0) as most) m
      where s.n_dead_tup > m.most or s.n_mod_since_analyze > m.most
      order by s.n_mod_since_analyze desc
      limit 1`.execute(db),
  );
  for (const { name, dead } of changed.rows) {
    const tend = dead ? sql`vacuum (analyze) ${sql.table(name)}` : sql`analyze ${sql.table(name)}`;
    await database.run(db => tend.execute(db), within);
  }
}
