import { v7 as uuidv7 } from 'uuid';
import { expect, it, onTestFinished } from 'vitest';
import type { Exchange } from '../domain/exchange.js';
import { readLogContent } from '../testing/open-test-log.js';
import { openTestVault, type TestVault } from '../testing/open-test-vault.js';
import { recordingLogger } from '../testing/recording-logger.js';
import { sampleExchange } from '../testing/sample-exchange.js';
import { compareWithLog } from './comparison.js';
import { toLogLine } from './log-line.js';
import { Retention, type RetentionOptions } from './retention.js';

const DAY_MS = 86_400_000;
const ids = (exchanges: readonly Exchange[]): string[] => exchanges.map(({ id }) => id).sort();
/** One a day, the last of them now. */
const days = (count: number): Exchange[] =>
  Array.from({ length: count }, (_, i) =>
    sampleExchange({
      id: uuidv7(),
      timestamp: new Date(Date.now() - (count - 1 - i) * DAY_MS).toISOString(),
    }),
  );

async function retain(vault: TestVault, limits: Partial<RetentionOptions>) {
  const { logger, entries } = recordingLogger();
  const retention = new Retention({
    maxDays: null,
    maxBytes: null,
    path: vault.file,
    database: vault.first,
    eraser: vault.eraser,
    logger,
    ...limits,
  });
  onTestFinished(() => retention.close());
  await retention.apply();
  return entries;
}

it('erases what is older than it may be, from log and database, and says how much', async () => {
  const vault = await openTestVault({ log: { maxBytes: 3_000 } });
  const exchanges = days(9);
  for (const exchange of exchanges) await vault.log.append(exchange);
  await vault.follower.caughtUp();
  const entries = await retain(vault, { maxDays: 4 });
  const kept = exchanges.slice(-4);
  expect(await vault.rows()).toEqual(ids(kept));
  expect((await readLogContent(vault.file)).ids).toEqual(kept.map(({ id }) => id));
  expect(await compareWithLog(vault.file, vault.database)).toMatchObject({
    exchanges: 4,
    missing: [],
    extra: [],
  });
  expect(entries).toMatchObject([{ level: 'info', fields: { too_old: 5, too_many: 0 } }]);
});

it('erases the oldest until the log is no larger than it may be', async () => {
  const vault = await openTestVault({ log: { maxBytes: 3_000 } });
  const exchanges = days(9);
  for (const exchange of exchanges) await vault.log.append(exchange);
  await vault.follower.caughtUp();
  const lineBytes = Buffer.byteLength(toLogLine(exchanges[0] as Exchange));
  await retain(vault, { maxBytes: 4 * lineBytes + 1 });
  expect(await vault.rows()).toEqual(ids(exchanges.slice(-4)));
  expect((await readLogContent(vault.file)).ids).toHaveLength(4);
});

it('keeps everything unless told otherwise, and while the database is away', async () => {
  const vault = await openTestVault();
  const exchanges = days(3);
  for (const exchange of exchanges) await vault.log.append(exchange);
  await vault.follower.caughtUp();
  expect(await retain(vault, {})).toEqual([]);
  vault.first.isAway = true;
  await retain(vault, { maxDays: 1, maxBytes: 1 });
  expect((await readLogContent(vault.file)).ids).toHaveLength(3);
  expect(await vault.rows()).toHaveLength(3);
  vault.first.isAway = false;
  await expect.poll(async () => (await vault.rows()).length).toBeLessThan(3);
});

it('leaves what is in the log of another gateway with the same database', async () => {
  const [a, b] = [await openTestVault({ isShared: true }), await openTestVault({ isShared: true })];
  const [ofB, ofA] = [days(9), days(9)];
  for (const exchange of ofB) await b.log.append(exchange);
  for (const exchange of ofA) await a.log.append(exchange);
  await Promise.all([a.follower.caughtUp(), b.follower.caughtUp()]);
  const entries = await retain(a, { maxDays: 6 });
  expect(await a.rows()).toEqual(ids([...ofB, ...ofA.slice(-6)]));
  const lineBytes = Buffer.byteLength(toLogLine(ofA[0] as Exchange));
  entries.push(...(await retain(a, { maxBytes: 4 * lineBytes + 1 })));
  expect(await a.rows()).toEqual(ids([...ofB, ...ofA.slice(-4)]));
  expect((await readLogContent(a.file)).ids).toHaveLength(4);
  expect((await readLogContent(b.file)).ids).toHaveLength(9);
  expect(entries.map(({ fields }) => fields)).toMatchObject([{ too_old: 3 }, { too_many: 2 }]);
});
