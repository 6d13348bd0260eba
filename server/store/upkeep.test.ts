// What the embedded database's own background processes would do, if it had any.
import { sql } from 'kysely';
import { expect, it, onTestFinished } from 'vitest';
import { openTempStore } from '../testing/temp-store.js';
import { upkeep } from './upkeep.js';

const MIB = 1024 * 1024;

it('shortens the write-ahead log, and tells the planner what there is', async () => {
  const { database, close } = await openTempStore('pglite');
  onTestFinished(close);
  const read = async (query: string): Promise<number> => {
    const rows = await database.run(db => sql.raw<{ n: number }>(query).execute(db));
    return rows.rows[0]?.n ?? Number.NaN;
  };
  /** Bytes that a process killed now would leave to be done again. */
  const unsaved = (): Promise<number> =>
    read(
      'select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), redo_lsn)::float8 as n from pg_control_checkpoint()',
    );
  const knownRows = (): Promise<number> =>
    read("select reltuples::float8 as n from pg_class where relname = 'log_files'");

  const slow = { deadlineMs: 60_000 };
  const rows = sql`insert into log_files select gen_random_uuid(), g from generate_series(1, 20000) g`;
  await database.run(db => rows.execute(db), slow);
  expect(await unsaved()).toBeGreaterThan(2 * MIB);
  expect(await knownRows()).toBe(-1);
  await upkeep(database);
  expect(await unsaved()).toBeGreaterThan(2 * MIB);
  expect(await knownRows()).toBe(20_000);
  await upkeep(database, MIB);
  expect(await unsaved()).toBeLessThan(MIB);
  await database.run(db => sql`delete from log_files`.execute(db), slow);
  await upkeep(database);
  expect(await knownRows()).toBe(0);
}, 120_000);
