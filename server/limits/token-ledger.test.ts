import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { hasRedisServer, startRedis } from '../../chaos/redis-server.mjs';
import { SILENT_RECORDER } from '../metrics/silent-recorder.js';
import { recordingLogger } from '../testing/recording-logger.js';
import { tempFolder } from '../testing/temp-folder.js';
import { until } from '../testing/until.js';
import { RedisLink } from './redis-link.js';
import { TokenLedger } from './token-ledger.js';
import { UsageFile } from './usage-file.js';

const NOON = new Date('2026-11-27T12:00:00Z');

interface Open {
  readonly folder: string;
  readonly now?: () => Date;
  readonly link?: RedisLink;
}

function open({ folder, now = () => NOON, link }: Open) {
  const { logger, entries } = recordingLogger();
  const file = path.join(folder, 'usage.json');
  const ledger = new TokenLedger({ file: new UsageFile(file, logger), link: link ?? null, now });
  return { ledger, file, entries };
}

describe('the tokens of a day', () => {
  it('are each caller’s own', async () => {
    const { ledger } = open({ folder: await tempFolder() });
    ledger.add('a', 5);
    ledger.add('a', 7);
    ledger.add('b', 1);
    expect([ledger.known('a'), ledger.known('b'), ledger.known('c')]).toEqual([12, 1, 0]);
    expect(await ledger.spent('a')).toBe(12);
    await ledger.close();
  });

  it('begin anew at midnight in UTC, and say how long that is', async () => {
    let now = new Date('2026-11-27T23:59:59.000Z');
    const { ledger, file } = open({ folder: await tempFolder(), now: () => now });
    ledger.add('a', 5);
    expect([ledger.today(), ledger.leftMs(), ledger.known('a')]).toEqual(['2026-11-27', 1_000, 5]);
    now = new Date('2026-11-28T00:00:00.000Z');
    expect([ledger.today(), ledger.leftMs(), ledger.known('a')]).toEqual(['2026-11-28', 86_400_000, 0]);
    ledger.add('a', 2);
    await ledger.close();
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({
      day: '2026-11-28',
      total: { a: 2 },
      untold: {},
    });
  });

  it('are in their file after a restart of the same day, and not of another one', async () => {
    const folder = await tempFolder();
    const first = open({ folder });
    first.ledger.add('a', 5);
    await first.ledger.close();
    const second = open({ folder });
    second.ledger.add('a', 3);
    expect(second.ledger.known('a')).toBe(8);
    await second.ledger.close();
    expect(open({ folder }).ledger.known('a')).toBe(8);
    expect(open({ folder, now: () => new Date('2026-11-28T00:00:01Z') }).ledger.known('a')).toBe(0);
  });

  it('are written whole, in a file that is their owner’s alone, with nothing left beside it', async () => {
    const folder = await tempFolder();
    const { ledger, file } = open({ folder });
    for (let i = 0; i < 50; i++) ledger.add(`key:${i}`, 1);
    await until(async () => (await readFile(file, 'utf8').catch(() => '')) !== '');
    expect(Object.keys(JSON.parse(await readFile(file, 'utf8')).total)).toHaveLength(50);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(['usage.json']);
    await ledger.close();
  });

  it.each([
    ['half a line', '{"day":"2026-11-27","total":{"a"'],
    ['another shape', '{"day":"2026-11-27","total":{"a":"5"},"untold":{}}'],
    ['a negative number', '{"day":"2026-11-27","total":{"a":-5},"untold":{}}'],
    ['nothing', ''],
  ])('are counted from zero, with a warning, where the file holds %s', async (_, text) => {
    const folder = await tempFolder();
    await writeFile(path.join(folder, 'usage.json'), text);
    const { ledger, entries } = open({ folder });
    expect(ledger.known('a')).toBe(0);
    expect(entries).toEqual([expect.objectContaining({ level: 'warn' })]);
    ledger.add('a', 4);
    await ledger.close();
    expect(open({ folder }).ledger.known('a')).toBe(4);
  });

  it('are written as soon as the disk takes them again, and the want of that is told once', async () => {
    const folder = await tempFolder();
    const { ledger, file, entries } = open({ folder });
    // A folder in its place: nothing can be renamed over it.
    await mkdir(path.join(file, 'in-the-way'), { recursive: true });
    ledger.add('a', 5);
    await until(() => entries.length === 1);
    ledger.add('a', 5);
    await rm(file, { recursive: true });
    await until(async () => (await readFile(file, 'utf8').catch(() => '')).includes('"a":10'));
    expect(entries).toHaveLength(1);
    await ledger.close();
  });

  it('of addresses are kept in a bounded number, those of keys always', async () => {
    const { ledger } = open({ folder: await tempFolder() });
    ledger.add('key:1', 7);
    for (let i = 0; i < 10_050; i++) ledger.add(`address:${i}`, 1);
    expect(ledger.known('key:1')).toBe(7);
    expect(ledger.known('address:0')).toBe(0);
    expect(ledger.known('address:10049')).toBe(1);
    await ledger.close();
  });
});

describe.skipIf(!hasRedisServer)('the tokens of a day in a Redis (needs redis-server)', () => {
  const linkTo = (url: string, timeoutMs = 5_000) =>
    new RedisLink({
      url,
      prefix: 'test:',
      timeoutMs,
      logger: recordingLogger().logger,
      recorder: SILENT_RECORDER,
    });
  const isUp = (link: RedisLink) => until(() => link.status().isUp);

  it('are the sum of what all gateways counted, and twice told is once counted', async () => {
    const redis = await startRedis();
    const links = [linkTo(redis.url), linkTo(redis.url)] as const;
    try {
      const [one, other] = [
        open({ folder: await tempFolder(), link: links[0] }).ledger,
        open({ folder: await tempFolder(), link: links[1] }).ledger,
      ];
      await Promise.all(links.map(isUp));
      one.add('a', 5);
      other.add('a', 7);
      one.add('a', 1);
      await until(async () => (await one.spent('a')) === 13 && (await other.spent('a')) === 13);
      // A Redis that takes what it is told and answers too late is told again once it is back.
      await redis.ask('CLIENT', 'PAUSE', 1_000, 'WRITE');
      one.add('a', 10);
      await until(async () => (await other.spent('a')) === 23);
      expect(await redis.ask('HVALS', 'test:tokens:2026-11-27:a')).toHaveLength(2);
      expect(Number(await redis.ask('TTL', 'test:tokens:2026-11-27:a'))).toBeGreaterThan(86_400);
      await Promise.all([one.close(), other.close()]);
    } finally {
      for (const link of links) link.close();
      await redis.kill();
    }
  }, 30_000);

  it('that could not be told before the end are told by the next start, once', async () => {
    const redis = await startRedis();
    const folder = await tempFolder();
    await redis.kill();
    const before = linkTo(redis.url);
    const first = open({ folder, link: before });
    first.ledger.add('a', 5);
    expect(await first.ledger.spent('a')).toBe(5);
    await first.ledger.close();
    before.close();

    const still = linkTo(redis.url);
    const second = open({ folder, link: still });
    second.ledger.add('a', 3);
    expect(second.ledger.known('a')).toBe(8);
    await second.ledger.close();
    still.close();

    await redis.start();
    const [after, elsewhere] = [linkTo(redis.url), linkTo(redis.url)];
    try {
      const third = open({ folder, link: after });
      const other = open({ folder: await tempFolder(), link: elsewhere });
      await until(async () => (await other.ledger.spent('a')) === 8);
      third.ledger.add('a', 1);
      await until(async () => (await other.ledger.spent('a')) === 9);
      expect(await third.ledger.spent('a')).toBe(9);
      await Promise.all([third.ledger.close(), other.ledger.close()]);
    } finally {
      after.close();
      elsewhere.close();
      await redis.kill();
    }
  }, 30_000);

  it('are known from the file while Redis is away, those of other gateways, too', async () => {
    const redis = await startRedis();
    const folder = await tempFolder();
    const [mine, theirs] = [linkTo(redis.url), linkTo(redis.url)];
    await Promise.all([isUp(mine), isUp(theirs)]);
    const first = open({ folder, link: mine });
    const other = open({ folder: await tempFolder(), link: theirs });
    other.ledger.add('a', 50);
    await until(async () => (await first.ledger.spent('a')) === 50);
    first.ledger.add('a', 5);
    await first.ledger.close();
    await other.ledger.close();
    mine.close();
    theirs.close();
    await redis.kill();
    const away = linkTo(redis.url);
    const second = open({ folder, link: away });
    expect(await second.ledger.spent('a')).toBe(55);
    await second.ledger.close();
    away.close();
  }, 30_000);
});
