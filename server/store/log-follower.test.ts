import { appendFile, copyFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import type { Transaction } from 'kysely';
import { v7 as uuidv7 } from 'uuid';
import { describe, expect, it } from 'vitest';
import type { Exchange } from '../domain/exchange.js';
import { openTestVault } from '../testing/open-test-vault.js';
import { sampleExchange } from '../testing/sample-exchange.js';
import { until } from '../testing/until.js';
import { compareWithLog } from './comparison.js';
import type { Database } from './database.js';
import { toLogLine } from './log-line.js';
import type { Schema } from './schema.js';

const some = (count: number, fields: Partial<Exchange> = {}): Exchange[] =>
  Array.from({ length: count }, () => sampleExchange({ id: uuidv7(), ...fields }));
const ids = (exchanges: readonly Exchange[]): string[] => exchanges.map(({ id }) => id).sort();

/** The process's death, as far as its database can tell. */
const dead = (): never => {
  throw new Error('killed');
};
type DyingTransaction = <T>(
  database: Database,
  queries: (db: Transaction<Schema>) => Promise<T>,
) => Promise<T>;

describe('the follower of the log', () => {
  it('has a row for each exchange as soon as it has caught up', async () => {
    const { log, follower, rows } = await openTestVault();
    const exchanges = some(3);
    for (const exchange of exchanges) {
      await log.append(exchange);
      await follower.caughtUp();
      expect(await rows()).toContain(exchange.id);
    }
    expect(await rows()).toEqual(ids(exchanges));
    expect(follower.status()).toMatchObject({ indexed: 3, damaged: 0, fault: null });
    expect(await follower.measure()).toMatchObject({ unreadBytes: 0 });
  });

  it('keeps the line byte for byte, and makes the other columns of it', async () => {
    const { log, follower, database } = await openTestVault();
    const exchange = sampleExchange({
      id: uuidv7(),
      prompt: 'nul \0 and half \ud83d',
      response: 'Ein Füller 🖋',
      caller: 'ann',
    });
    await log.append(exchange);
    await follower.caughtUp();
    const row = await database.run(db => db.selectFrom('exchanges').selectAll().executeTakeFirstOrThrow());
    expect(`${row.line}\n`).toBe(toLogLine(exchange));
    expect(row).toMatchObject({
      id: exchange.id,
      ended_at: new Date(exchange.timestamp),
      status: 'completed',
      dialect: exchange.dialect,
      caller: 'ann',
      model: exchange.model.id,
      prompt_tokens: 31,
      completion_tokens: 42,
      prompt: 'nul \ufffd and half \ufffd',
      response: 'Ein Füller 🖋',
      language: 'english',
    });
  });

  it('passes over what is no exchange, says so once, and leaves half a line for later', async () => {
    const { file, follower, rows, warnings } = await openTestVault();
    const [first, second, third] = some(3) as [Exchange, Exchange, Exchange];
    const half = toLogLine(third).slice(0, 100);
    const bad = [
      '{"timestamp":',
      '',
      'null',
      toLogLine(sampleExchange({ id: 'no-uuid' })).trim(),
      '\xff\xfe',
    ];
    await writeFile(
      file,
      Buffer.from(`${toLogLine(first)}${bad.join('\n')}\n${toLogLine(second)}${half}`, 'latin1'),
    );
    follower.wake();
    await follower.caughtUp();
    expect(await rows()).toEqual(ids([first, second]));
    await appendFile(file, toLogLine(third).slice(100));
    follower.wake();
    await follower.caughtUp();
    expect(await rows()).toEqual(ids([first, second, third]));
    expect(follower.status().damaged).toBe(bad.length);
    expect(warnings).toHaveLength(bad.length);
  });

  it('passes over what the database refuses, and takes its neighbours', async () => {
    const { log, follower, rows } = await openTestVault();
    const good = some(20);
    const refused = sampleExchange({ id: uuidv7(), timestamp: '0000-01-01T00:00:00Z' });
    await Promise.all([...good.slice(0, 7), refused, ...good.slice(7)].map(one => log.append(one)));
    await follower.caughtUp();
    expect(await rows()).toEqual(ids(good));
    expect(follower.status()).toMatchObject({ damaged: 1, fault: null });
  });

  it('goes on where it was after a restart, through rotations', async () => {
    const { log, follower, rows, start } = await openTestVault({ log: { maxBytes: 3_000 } });
    const exchanges = some(12);
    for (const exchange of exchanges.slice(0, 5)) await log.append(exchange);
    await follower.close();
    for (const exchange of exchanges.slice(5)) await log.append(exchange);
    const second = start().follower;
    await second.caughtUp();
    expect(await rows()).toEqual(ids(exchanges));
    expect(second.status().indexed).toBe(7);
    expect(await second.measure()).toMatchObject({ unreadBytes: 0 });
  });

  it('brings what came while the database was away, also from a log that was moved meanwhile', async () => {
    const { log, file, follower, rows, warnings, first } = await openTestVault();
    const exchanges = some(40);
    await log.append(exchanges[0] as Exchange);
    await follower.caughtUp();
    first.isAway = true;
    for (const [i, exchange] of exchanges.slice(1).entries()) {
      if (i === 10) await rename(file, `${file}.1`);
      if (i === 20) await rm(file);
      await log.append(exchange);
      await follower.caughtUp();
    }
    expect(await rows()).toHaveLength(1);
    first.isAway = false;
    await until(async () => (await rows()).length === exchanges.length);
    expect(warnings).toEqual([]);
  });

  it.each<[string, DyingTransaction]>([
    ['before it has begun', async () => dead()],
    [
      'before the commit',
      (database, queries) =>
        database.transaction(async db => {
          await queries(db);
          return dead();
        }),
    ],
    ['after the commit', (database, queries) => database.transaction(queries).then(dead)],
  ])('brings each exchange once when it dies with a batch %s', async (_, die) => {
    const { log, database, start, rows, close, file } = await openTestVault();
    await close();
    const exchanges = some(600);
    await Promise.all(exchanges.map(exchange => log.append(exchange)));
    let batches = 0;
    const dying = start({
      ...database,
      status: () => database.status(),
      onChange: () => () => {},
      run: queries => database.run(queries),
      transaction: queries => (batches++ === 1 ? die(database, queries) : database.transaction(queries)),
    });
    await until(() => dying.follower.status().fault !== null);
    await dying.close();
    expect((await rows()).length).toBeLessThan(600);
    const next = start();
    expect(await next.follower.caughtUp(10_000)).toBe(true);
    expect(await rows()).toEqual(ids(exchanges));
    expect(next.follower.status().indexed).toBeLessThan(600);
    expect(await compareWithLog(file, database)).toMatchObject({ missing: [], extra: [], different: [] });
  });

  it('tries again by itself when the database fails, and says so once', async () => {
    const { log, follower, rows, warnings, first } = await openTestVault();
    await follower.caughtUp();
    first.callsLeft = 0;
    for (const exchange of some(3)) await log.append(exchange);
    await until(() => follower.status().fault !== null);
    first.callsLeft = null;
    await until(async () => (await rows()).length === 3);
    await until(() => follower.status().fault === null);
    expect(warnings.filter(({ level }) => level === 'warn')).toHaveLength(1);
  });

  it.each<[string, (file: string) => Promise<void>]>([
    ['renamed', file => rename(file, `${file}.old`)],
    ['deleted', file => rm(file)],
    ['truncated', file => truncate(file)],
    ['copied and truncated', file => copyFile(file, `${file}.old`).then(() => truncate(file))],
  ])('misses no exchange when the log is %s under it', async (_, meddle) => {
    const { log, file, follower, rows } = await openTestVault();
    const exchanges = some(60);
    for (const [i, exchange] of exchanges.entries()) {
      await log.append(exchange);
      if (i % 20 !== 10) continue;
      await follower.caughtUp();
      await meddle(file);
    }
    await follower.caughtUp();
    await until(async () => (await rows()).length === exchanges.length);
    expect(await rows()).toEqual(ids(exchanges));
  });

  it('takes words with no grammar where the database does not know the language', async () => {
    const { database, log, follower } = await openTestVault({ language: 'klingon' });
    await log.append(sampleExchange({ id: uuidv7() }));
    await follower.caughtUp();
    const row = database.run(db => db.selectFrom('exchanges').select('language').executeTakeFirst());
    expect(await row).toEqual({ language: 'simple' });
  });

  it('lets somebody else in between two batches, and goes on with what that left', async () => {
    const { file, follower, rows, database } = await openTestVault();
    const exchanges = some(2_000);
    await writeFile(file, exchanges.map(toLogLine).join(''));
    follower.wake();
    await until(async () => (await rows()).length > 0);
    const before = await follower.exclusively(async () => {
      const found = await rows();
      await database.run(db => db.deleteFrom('exchanges').execute());
      await database.run(db => db.deleteFrom('log_files').execute());
      return found.length;
    });
    expect(before).toBeLessThan(exchanges.length);
    await until(async () => (await rows()).length === exchanges.length);
  });
});
