// What the store can rely on, whatever PostgreSQL is underneath.
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import { silentLogger } from '../log.js';
import { eachStore, makeStore, openTempStore, type TempStore } from '../testing/temp-store.js';
import { until } from '../testing/until.js';
import type { Database } from './database.js';
import { openDatabase } from './open-database.js';

// The embedded one takes seconds to open where the cores are shared.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const LONG_QUERY = sql`select count(*) from generate_series(1, 3000000000)`;
const row = () => ({ first_id: randomUUID(), indexed_bytes: 1 });

async function countLogFiles(database: Database): Promise<number> {
  return (await database.run(db => db.selectFrom('log_files').selectAll().execute())).length;
}

eachStore('a database', kind => {
  let store: TempStore;
  let database: Database;
  beforeAll(async () => {
    store = await openTempStore(kind);
    database = store.database;
  });
  afterAll(() => store.close());

  it('says what it is', () => {
    const { hasVectors, ...status } = database.status();
    expect(status).toEqual({
      state: 'ready',
      kind: kind === 'pglite' ? 'pglite' : 'postgresql',
      fault: null,
    });
    if (kind !== 'postgresql') expect(hasVectors).toBe(true);
  });

  it('asks for pgvector where it is needed and lacking, with the remedy', () => {
    if (database.status().hasVectors) expect(() => database.requireVectors()).not.toThrow();
    else
      expect(() => database.requireVectors()).toThrow(/lacks pgvector.*apt install postgresql-NN-pgvector/);
  });

  it("passes a query's own error on, and goes on", async () => {
    await expect(database.run(db => sql`select nothing`.execute(db))).rejects.toMatchObject({
      code: '42703',
    });
    expect((await database.run(db => sql`select 1 as one`.execute(db))).rows).toEqual([{ one: 1 }]);
    expect(database.status().state).toBe('ready');
  });

  it('does a transaction whole or not at all', async () => {
    const before = await countLogFiles(database);
    const failing = database.transaction(async db => {
      await db.insertInto('log_files').values(row()).execute();
      throw new Error('changed its mind');
    });
    await expect(failing).rejects.toThrow('changed its mind');
    await database.transaction(db => db.insertInto('log_files').values(row()).execute());
    expect(await countLogFiles(database)).toBe(before + 1);
  });

  it('serves many at once, and mixes no answers', async () => {
    const numbers = Array.from({ length: 100 }, (_, n) => n);
    const answers = await Promise.all(
      numbers.map(n =>
        n % 10 === 0
          ? database.transaction(db => sql<{ n: number }>`select ${n}::int as n`.execute(db))
          : database.run(db => sql<{ n: number }>`select ${n}::int as n`.execute(db)),
      ),
    );
    expect(answers.map(({ rows }) => rows[0]?.n)).toEqual(numbers);
  });

  it('ends a query at its deadline with storage_unavailable, and is there for the next', async () => {
    const startMs = performance.now();
    const late = database.run(db => LONG_QUERY.execute(db), { deadlineMs: 300 });
    await expect(late).rejects.toMatchObject({
      code: 'storage_unavailable',
      retryAfterMs: expect.any(Number),
    });
    expect(performance.now() - startMs).toBeLessThan(3_000);
    await until(() => database.status().state === 'ready', 30_000);
    expect((await database.run(db => sql`select 1 as one`.execute(db))).rows).toEqual([{ one: 1 }]);
  });

  it('gives a query more time when it is asked to, and only that one', async () => {
    const setting = sql<{ value: string }>`select current_setting('statement_timeout') as value`;
    const asked = await database.run(db => setting.execute(db), { deadlineMs: 60_000 });
    const usual = await Promise.all(
      Array.from({ length: 10 }, () => database.run(db => setting.execute(db))),
    );
    const values = [asked, ...usual].map(({ rows }) => rows[0]?.value);
    if (kind !== 'pglite') expect(values).toEqual(['1min', ...usual.map(() => '5s')]);
  });
});

eachStore('a database that is closed', kind => {
  it('lets a running query end, refuses others, and has kept everything when it is opened again', async () => {
    const place = await makeStore(kind);
    onTestFinished(() => place.remove());
    const open = async (): Promise<Database> => {
      const database = openDatabase({ ...place, logger: silentLogger() });
      await until(() => database.status().state === 'ready', 30_000);
      return database;
    };
    const first = await open();
    const running = first.transaction(async db => {
      await db.insertInto('log_files').values(row()).execute();
      await sql`select count(*) from generate_series(1, 300000)`.execute(db);
    });
    const closed = first.close();
    await expect(first.run(db => sql`select 1`.execute(db))).rejects.toMatchObject({
      code: 'storage_unavailable',
    });
    await running;
    await closed;
    expect(first.status().state).toBe('closed');
    const second = await open();
    onTestFinished(() => second.close());
    expect(await countLogFiles(second)).toBe(1);
  });

  it('is refused while a newer program has been at it, with both versions', async () => {
    const store = await openTempStore(kind);
    onTestFinished(() => store.remove());
    await store.database.run(db =>
      sql`insert into kysely_migration (name, timestamp) values ('999-later', '')`.execute(db),
    );
    await store.database.close();
    const database = openDatabase({ ...store, logger: silentLogger() });
    onTestFinished(() => database.close());
    await until(() => database.status().state !== 'opening', 30_000);
    expect(database.status()).toMatchObject({ state: 'refused', hasVectors: false });
    await expect(database.run(db => sql`select 1`.execute(db))).rejects.toMatchObject({
      code: 'storage_unavailable',
      message: expect.stringMatching(/version 999-later, this program's is \d{3}-/),
    });
  });
});
