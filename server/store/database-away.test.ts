// A database that cannot be reached, goes away, or says nothing, and what is made of that.
import { type AddressInfo, createServer } from 'node:net';
import { sql } from 'kysely';
import { expect, it, onTestFinished } from 'vitest';
import { type DatabaseProxy, openDatabaseProxy } from '../../chaos/database-proxy.mjs';
import { silentLogger } from '../log.js';
import { asOwner, eachServer, makeStore, type StoreKind } from '../testing/temp-store.js';
import { until } from '../testing/until.js';
import type { Database } from './database.js';
import { type DatabaseOptions, openDatabase } from './open-database.js';

const ONE = sql<{ one: number }>`select 1 as one`;
const UNAVAILABLE = { code: 'storage_unavailable', retryAfterMs: expect.any(Number) };

function open(url: string, options: Partial<DatabaseOptions> = {}): Database {
  const database = openDatabase({ url, folder: '', logger: silentLogger(), ...options });
  onTestFinished(() => database.close());
  return database;
}

async function openProxied(
  kind: StoreKind,
  options: Partial<DatabaseOptions> = {},
): Promise<{ database: Database; proxy: DatabaseProxy; url: string }> {
  const { url, remove } = await makeStore(kind);
  onTestFinished(remove);
  const proxy = await openDatabaseProxy(url ?? '');
  onTestFinished(() => proxy.close());
  return { database: open(proxy.url, options), proxy, url: url ?? '' };
}

async function ready(database: Database): Promise<void> {
  await until(() => database.status().state === 'ready', 20_000);
  expect((await database.run(db => ONE.execute(db))).rows).toEqual([{ one: 1 }]);
}

async function fault(url: string): Promise<string> {
  const database = open(url, { deadlineMs: 2_000 });
  await until(() => database.status().fault !== null);
  expect(database.status().state).toBe('away');
  await expect(database.run(db => ONE.execute(db))).rejects.toMatchObject(UNAVAILABLE);
  return database.status().fault ?? '';
}

eachServer('a server', kind => {
  it('may be down at boot: it is used as soon as it is there', async () => {
    const { url, remove } = await makeStore(kind);
    onTestFinished(remove);
    const proxy = await openDatabaseProxy(url ?? '');
    onTestFinished(() => proxy.close());
    await proxy.shut();
    const database = open(proxy.url);
    const states: string[] = [];
    database.onChange(({ state }) => states.push(state));
    await until(() => database.status().state === 'away');
    expect(database.status().fault).toMatch(
      /^PostgreSQL at 127\.0\.0\.1:\d+ cannot be reached \(ECONNREFUSED\)$/,
    );
    await expect(database.run(db => ONE.execute(db))).rejects.toMatchObject(UNAVAILABLE);
    await proxy.open();
    await ready(database);
    expect(states).toEqual(['away', 'ready']);
  });

  it('may end all connections, in the middle of a transaction too', async () => {
    const { database, url } = await openProxied(kind);
    await ready(database);
    const name = new URL(url).pathname.slice(1);
    const server = url.slice(0, url.lastIndexOf('/'));
    const kill = (): Promise<void> =>
      asOwner(server, `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`);
    const cut = database.transaction(async db => {
      await sql`insert into erasures values (gen_random_uuid())`.execute(db);
      await kill();
      return ONE.execute(db);
    });
    await expect(cut).rejects.toMatchObject(UNAVAILABLE);
    await ready(database);
    expect(await database.run(db => db.selectFrom('erasures').selectAll().execute())).toEqual([]);
    await kill();
    await until(() => database.status().state === 'away');
    await ready(database);
  });

  it('may close its port and come back', async () => {
    const { database, proxy } = await openProxied(kind);
    await ready(database);
    await proxy.shut();
    await until(() => database.status().state === 'away');
    await expect(database.run(db => ONE.execute(db))).rejects.toMatchObject(UNAVAILABLE);
    await proxy.open();
    await ready(database);
  });

  it('may fall silent: every query ends in time, no connection is lost for good', async () => {
    const { database, proxy } = await openProxied(kind, {
      deadlineMs: 500,
      acquireTimeoutMs: 200,
      maxConnections: 4,
    });
    await ready(database);
    proxy.silence();
    const startMs = performance.now();
    const answers = await Promise.allSettled(
      Array.from({ length: 30 }, () => database.run(db => ONE.execute(db))),
    );
    expect(performance.now() - startMs).toBeLessThan(3_000);
    for (const answer of answers) expect(answer).toMatchObject({ status: 'rejected', reason: UNAVAILABLE });
    await until(() => database.status().state === 'away');
    await proxy.open();
    await ready(database);
    await until(() => proxy.connections() <= 4);
  });

  it('may be busy: who finds no connection free is told at once', async () => {
    const { url, remove } = await makeStore(kind);
    onTestFinished(remove);
    const database = open(url ?? '', { maxConnections: 2, acquireTimeoutMs: 200 });
    await ready(database);
    const startMs = performance.now();
    const slow = Array.from({ length: 10 }, () =>
      database
        .run(db => sql`select pg_sleep(1.5)`.execute(db))
        .then(
          () => 'served',
          error => error.code,
        ),
    );
    const first = await Promise.race(slow);
    expect(first).toBe('storage_unavailable');
    expect(performance.now() - startMs).toBeLessThan(1_400);
    expect((await Promise.all(slow)).filter(answer => answer === 'served')).toHaveLength(2);
    expect(database.status().state).toBe('ready');
  });

  it('has its faults told with their remedy, and without the password', async () => {
    const { url, remove } = await makeStore(kind);
    onTestFinished(remove);
    const { host } = new URL(url ?? '');
    const place = `PostgreSQL at ${host}`;
    expect(await fault(`postgresql://postgres:s3cret@${host}/not_there`)).toBe(
      `${place} has no database "not_there": create it, or change DATABASE_URL`,
    );
    expect(await fault(`postgresql://stranger:s3cret@${host}/postgres`)).toBe(
      `${place} lets "stranger" not in: check user and password in DATABASE_URL`,
    );
    expect(await fault(`postgresql://postgres:s3cret@${host}/postgres?sslmode=verify-full`)).toMatch(
      new RegExp(`^No TLS with ${place}: .*; see sslmode`),
    );
    expect(await fault(`postgresql://postgres:s3cret@no-such-host.invalid/postgres`)).toMatch(
      /^PostgreSQL at no-such-host\.invalid:5432 /,
    );
    expect(await fault('postgresql://postgres:s3cret@127.0.0.1:1/postgres')).not.toContain('s3cret');
  });
});

it('that accepts and never answers is away, however many ask', async () => {
  let taken = 0;
  const server = createServer(socket => {
    taken++;
    socket.on('error', () => {});
  });
  await new Promise<void>(resolve => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const database = open(`postgresql://u:p@127.0.0.1:${port}/x`, { deadlineMs: 300 });
  await until(() => database.status().state === 'away');
  expect(database.status().fault).toBe(`PostgreSQL at 127.0.0.1:${port} did not answer in time`);
  const startMs = performance.now();
  for (let n = 0; n < 100; n++)
    await expect(database.run(db => ONE.execute(db))).rejects.toMatchObject(UNAVAILABLE);
  expect(performance.now() - startMs).toBeLessThan(1_000);
  await until(() => taken >= 3);
});

it('with a DATABASE_URL that is no URL is refused, and the password stays out of it', async () => {
  const database = open('postgresql://user:pass%word@host:port/x');
  await until(() => database.status().state === 'refused');
  expect(database.status().fault).toBe('DATABASE_URL is no URL: escape what is special in the password');
});
