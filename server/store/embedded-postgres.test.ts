// The embedded database as a thing of this machine: its files, its thread, its lock, its disk.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { sql } from 'kysely';
import { expect, it, onTestFinished, vi } from 'vitest';
import { HeldError } from '../locks/folder-lock.js';
import { silentLogger } from '../log.js';
import { makePgliteTemplate } from '../testing/pglite-template.js';
import { tempFolder } from '../testing/temp-folder.js';
import { openTempStore } from '../testing/temp-store.js';
import { until } from '../testing/until.js';
import type { Database } from './database.js';
import { openDatabase } from './open-database.js';

const UNAVAILABLE = { code: 'storage_unavailable', retryAfterMs: expect.any(Number) };
const SLOW_MS = 60_000;

// Each opens a database or two, which is seconds of work where the cores are shared.
vi.setConfig({ testTimeout: 180_000 });

function open(folder: string): Database {
  const database = openDatabase({ url: null, folder, logger: silentLogger() });
  onTestFinished(() => database.close());
  return database;
}

function insert(database: Database, rows: number): Promise<unknown> {
  return database.run(db =>
    sql`insert into log_files select gen_random_uuid(), g from generate_series(1, ${rows}::int) g`.execute(
      db,
    ),
  );
}

it('can be opened once, by one process, and again when it is closed', async () => {
  const { folder, database, remove } = await openTempStore('pglite');
  onTestFinished(remove);
  expect(() => open(folder)).toThrow(new HeldError(folder, process.pid));
  await database.close();
  const again = open(folder);
  await until(() => again.status().state === 'ready', SLOW_MS);
});

it('makes its files for their owner only', async () => {
  const before = process.umask(0o077);
  onTestFinished(() => void process.umask(before));
  const folder = path.join(await tempFolder(), 'vault');
  // Half a folder of a process that was killed while it made it.
  mkdirSync(`${folder}.new/base`, { recursive: true });
  writeFileSync(`${folder}.new/PG_VERSION`, '18');
  const database = open(folder);
  await until(() => database.status().state === 'ready', SLOW_MS);
  await insert(database, 1_000);
  const parent = path.dirname(folder);
  const entries = readdirSync(parent, { recursive: true, encoding: 'utf8' });
  const isOpen = (name: string): boolean => (statSync(path.join(parent, name)).mode & 0o077) !== 0;
  // The socket's own mode says nothing: its folder is closed. The other is a cache of the system's tables, in a closed
  // folder too.
  const isHarmless = (name: string): boolean => /\.s\.PGSQL|pg_internal\.init/.test(name);
  expect(entries.filter(name => isOpen(name) && !isHarmless(name))).toEqual([]);
  expect(entries.length).toBeGreaterThan(900);
  expect(readdirSync(parent).sort()).toEqual(['vault', 'vault.lock.1', 'vault.socket']);
});

it('survives a full disk: it reads on, and comes back whole when there is room', async () => {
  const mount = await tempFolder();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=70m', 'tmpfs', mount], { stdio: 'pipe' });
  } catch {
    console.warn('not tested: tmpfs cannot be mounted here');
    return;
  }
  onTestFinished(() => void execFileSync('umount', ['-l', mount]));
  const folder = path.join(mount, 'vault');
  cpSync(await makePgliteTemplate(), folder, { recursive: true });
  const first = open(folder);
  await until(() => first.status().state === 'ready', SLOW_MS);
  let rows = 0;
  const fill = async (): Promise<void> => {
    for (;;) {
      await insert(first, 5_000);
      rows += 5_000;
    }
  };
  await expect(fill()).rejects.toMatchObject(UNAVAILABLE);
  await first.close();
  const ballast = path.join(mount, 'ballast');
  execFileSync('sh', ['-c', `cat /dev/zero > ${ballast} 2>/dev/null; true`]);

  const second = open(folder);
  await until(() => second.status().state !== 'opening', SLOW_MS);
  if (second.status().state === 'away') {
    await expect(second.run(db => sql`select 1`.execute(db))).rejects.toMatchObject(UNAVAILABLE);
  }
  rmSync(ballast);
  execFileSync('mount', ['-o', 'remount,size=300m', mount]);
  await until(() => second.status().state === 'ready', SLOW_MS);
  const kept = await second.run(db =>
    sql<{ n: number }>`select count(*)::int as n from log_files`.execute(db),
  );
  expect(kept.rows[0]?.n).toBeGreaterThanOrEqual(rows);
});

it('is opened anew, with all it was given, when a query has wedged it', async () => {
  const { database, close } = await openTempStore('pglite', { deadlineMs: 1_000 });
  onTestFinished(close);
  await insert(database, 100);
  const wedged = database.run(db => sql`select count(*) from generate_series(1, 3000000000)`.execute(db));
  await expect(wedged).rejects.toMatchObject(UNAVAILABLE);
  expect(database.status()).toMatchObject({
    state: 'away',
    fault: 'The embedded database did not answer in time',
  });
  await until(() => database.status().state === 'ready', SLOW_MS);
  const kept = await database.run(db =>
    sql<{ n: number }>`select count(*)::int as n from log_files`.execute(db),
  );
  expect(kept.rows).toEqual([{ n: 100 }]);
});

it('leaves the event loop to others', async () => {
  const { database, close } = await openTempStore('pglite');
  onTestFinished(close);
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const startMs = performance.now();
  await database.run(
    db => sql`select count(distinct md5(g::text)) from generate_series(1, 300000) g`.execute(db),
    { deadlineMs: SLOW_MS },
  );
  const tookMs = performance.now() - startMs;
  delay.disable();
  // On this thread the query would be one delay of its whole length.
  expect(delay.max / 1e6).toBeLessThan(tookMs / 3);
});
