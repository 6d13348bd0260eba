import { appendFile, readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { ConfigError } from '../config.js';
import type { Exchange } from '../domain/exchange.js';
import { openTestLog, readLogContent } from '../testing/open-test-log.js';
import { sampleExchange } from '../testing/sample-exchange.js';
import { tempFolder } from '../testing/temp-folder.js';
import { until } from '../testing/until.js';
import type { ExchangeLog } from './exchange-log.js';
import { toLogLine } from './log-line.js';
import { listLogFiles } from './rotation.js';

vi.setConfig({ testTimeout: 30_000 });

const numbered = (count: number, from = 0): Exchange[] =>
  Array.from({ length: count }, (_, i) => sampleExchange({ id: `id-${from + i}` }));
const ids = (exchanges: readonly Exchange[]): string[] => exchanges.map(({ id }) => id);
const appendAll = (log: ExchangeLog, exchanges: readonly Exchange[]): Promise<unknown> =>
  Promise.all(exchanges.map(exchange => log.append(exchange)));

describe('the log of exchanges', () => {
  it('has the whole line in the file when append resolves', async () => {
    const { log, file } = await openTestLog();
    for (const exchange of numbered(3)) {
      await log.append(exchange);
      expect((await readFile(file, 'utf8')).endsWith(toLogLine(exchange))).toBe(true);
    }
    expect(log.status()).toEqual({
      degraded: false,
      spooled: 0,
      dropped: 0,
      tornTails: 0,
      bytes: (await stat(file)).size,
      lastError: null,
    });
  });

  it('writes what comes together together, whole and in order', async () => {
    const { log, file, disk } = await openTestLog();
    const exchanges = numbered(1_000);
    await appendAll(log, exchanges);
    expect(await readLogContent(file)).toEqual({ ids: ids(exchanges), damaged: [] });
    expect(disk.writes).toBeLessThan(10);
  });

  it('goes on where it was after a restart, with the torn tail kept aside', async () => {
    const first = await openTestLog();
    await appendAll(first.log, numbered(2));
    await first.log.close();
    await appendFile(first.file, '{"timestamp":"2026');
    const { log, entries } = await openTestLog({ path: first.file });
    await appendAll(log, numbered(2, 2));
    expect(await readLogContent(first.file)).toEqual({ ids: ['id-0', 'id-1', 'id-2', 'id-3'], damaged: [] });
    expect(await readFile(`${first.file}.torn`, 'utf8')).toBe('{"timestamp":"2026\n');
    expect(log.status().tornTails).toBe(1);
    expect(entries).toMatchObject([{ level: 'warn', fields: { bytes: 18, to: `${first.file}.torn` } }]);
  });

  it.each<[string, (folder: string) => Promise<string>]>([
    ['a folder', async folder => folder],
    ['a device', async () => '/dev/null'],
    [
      'below a file',
      async folder => writeFile(path.join(folder, 'f'), '').then(() => path.join(folder, 'f', 'log')),
    ],
  ])('says what to do when its path is %s', async (_, pathIn) => {
    const file = await pathIn(await tempFolder());
    const opening = openTestLog({ path: file });
    await expect(opening).rejects.toThrow(ConfigError);
    await expect(opening).rejects.toThrow(`MINIVAULT_LOG_FILE="${file}"`);
  });

  it('reports what is appended after its end', async () => {
    const { log, file, entries } = await openTestLog();
    await log.close();
    await log.append(sampleExchange());
    expect(log.status().dropped).toBe(1);
    expect(entries.map(({ level }) => level)).toEqual(['error']);
    expect((await readLogContent(file)).ids).toEqual([]);
  });

  it('outlives an exchange that no line can hold', async () => {
    const { log, file, entries } = await openTestLog();
    const endless = sampleExchange();
    Object.defineProperty(endless, 'response', {
      get: () => {
        throw new RangeError('Invalid string length');
      },
    });
    await log.append(endless);
    await log.append(sampleExchange({ id: 'next' }));
    expect((await readLogContent(file)).ids).toEqual(['next']);
    expect(entries).toMatchObject([
      { level: 'error', fields: { error: 'RangeError: Invalid string length' } },
    ]);
  });
});

describe('syncing', () => {
  it('comes before append resolves when the policy is always, once for all that came together', async () => {
    const { log, disk } = await openTestLog({ fsync: 'always' });
    await log.append(sampleExchange());
    expect(disk.syncs).toHaveLength(1);
    await appendAll(log, numbered(50));
    expect(disk.syncs.length).toBeLessThanOrEqual(3);
  });

  it('comes once a second, beside the writes, when the policy is everysec', async () => {
    const { log, disk } = await openTestLog({ fsync: 'everysec' });
    await log.append(sampleExchange());
    await log.append(sampleExchange());
    expect(disk.syncs).toHaveLength(0);
    await until(() => disk.syncs.length > 0);
    expect(disk.syncs).toHaveLength(1);
  });

  it('does not wait for the second when very much was written', async () => {
    const { log, disk } = await openTestLog({ fsync: 'everysec' });
    const response = 'x'.repeat(2 ** 20);
    for (let i = 0; i < 18; i++) await log.append(sampleExchange({ response }));
    expect(disk.syncs.length).toBeGreaterThan(0);
  });

  it('comes at the end, too', async () => {
    const { log, disk } = await openTestLog({ fsync: 'everysec' });
    await log.append(sampleExchange());
    await log.close();
    expect(disk.syncs).toHaveLength(1);
  });

  it('never comes when the policy is no', async () => {
    const { log, disk } = await openTestLog({ fsync: 'no' });
    await log.append(sampleExchange());
    await log.close();
    expect(disk.syncs).toHaveLength(0);
  });
});

describe('rotation of the log', () => {
  it('starts a new file when one is full, splits no entry and loses none', async () => {
    const { log, file } = await openTestLog({ maxBytes: 2_048 });
    const exchanges = numbered(20);
    await appendAll(log, exchanges.slice(0, 10));
    for (const exchange of exchanges.slice(10)) await log.append(exchange);
    const files = await listLogFiles(file);
    expect(files.length).toBeGreaterThan(5);
    for (const each of files) {
      expect((await stat(each)).size).toBeLessThanOrEqual(2_048);
      expect((await stat(each)).mode & 0o777).toBe(0o600);
      expect((await readFile(each, 'utf8')).endsWith('\n')).toBe(true);
    }
    expect(await readLogContent(file)).toEqual({ ids: ids(exchanges), damaged: [] });
  });

  it('gives an entry that is bigger than a file one of its own', async () => {
    const { log, file } = await openTestLog({ maxBytes: 1_024 });
    const exchanges = numbered(3).map(exchange => ({ ...exchange, response: 'x'.repeat(5_000) }));
    await appendAll(log, exchanges);
    expect(await listLogFiles(file)).toHaveLength(3);
    expect(await readLogContent(file)).toEqual({ ids: ids(exchanges), damaged: [] });
  });

  it('syncs a file before it leaves it', async () => {
    const { log, disk } = await openTestLog({ maxBytes: 1_024 });
    for (const exchange of numbered(3)) await log.append(exchange);
    expect(disk.syncs.length).toBe(2);
  });

  it('is put off for a while when it cannot be done', async () => {
    const longName = `${'x'.repeat(245)}.jsonl`;
    const { log, file, entries } = await openTestLog({
      path: path.join(await tempFolder(), longName),
      maxBytes: 1_024,
    });
    for (const exchange of numbered(5)) await log.append(exchange);
    expect(entries.map(({ message }) => message)).toEqual(['The log could not be rotated and grows on']);
    expect(log.status().degraded).toBe(false);
    expect((await readLogContent(file)).ids).toEqual(ids(numbered(5)));
  });

  it('goes on with the new file when somebody moved the old one in that moment', async () => {
    const { log, file } = await openTestLog({ maxBytes: 1_024 });
    await log.append(sampleExchange({ id: 'a' }));
    await rename(file, `${file}.old`);
    for (const id of ['b', 'c', 'd']) await log.append(sampleExchange({ id }));
    expect((await readLogContent(`${file}.old`)).ids).toEqual(['a', 'b']);
    expect((await readLogContent(file)).ids).toEqual(['c', 'd']);
    expect(await listLogFiles(file)).toHaveLength(2);
  });
});

describe('a log that somebody changes while it is written', () => {
  const during = async (
    change: (file: string) => Promise<unknown>,
  ): Promise<{ file: string; before: string[] }> => {
    const { log, file } = await openTestLog();
    const exchanges = numbered(200);
    for (const [i, exchange] of exchanges.entries()) {
      if (i === 100) await change(file);
      await log.append(exchange);
    }
    return { file, before: ids(exchanges) };
  };

  it('is found again after it was renamed: every entry is in the old or the new file', async () => {
    const { file, before } = await during(file => rename(file, `${file}.old`));
    const [old, current] = [await readLogContent(`${file}.old`), await readLogContent(file)];
    expect([...old.ids, ...current.ids]).toEqual(before);
    expect([...old.damaged, ...current.damaged]).toEqual([]);
    expect(current.ids.length).toBeGreaterThanOrEqual(99);
  });

  it('is created again after it was deleted: no entry goes into the deleted file', async () => {
    const { file, before } = await during(file => rm(file));
    expect(await readLogContent(file)).toEqual({ ids: before.slice(100), damaged: [] });
  });

  it('is created again with its folder', async () => {
    const { file, before } = await during(file => rm(path.dirname(file), { recursive: true }));
    expect((await readLogContent(file)).ids).toEqual(before.slice(100));
  });

  it('goes on in place after it was emptied', async () => {
    const { file, before } = await during(file => truncate(file, 0));
    expect(await readLogContent(file)).toEqual({ ids: before.slice(100), damaged: [] });
  });

  it('goes on behind half a line, which is moved away', async () => {
    const { file, before } = await during(file => truncate(file, 1_000));
    const { ids: kept, damaged } = await readLogContent(file);
    expect(damaged).toEqual([]);
    expect(kept.slice(-100)).toEqual(before.slice(100));
    expect(await readFile(`${file}.torn`, 'utf8')).not.toBe('');
  });

  it('is opened again on request', async () => {
    const { log, file } = await openTestLog();
    await log.append(sampleExchange({ id: 'a' }));
    await rename(file, `${file}.old`);
    await log.reopen();
    expect(await readdir(path.dirname(file))).toEqual(['log.jsonl', 'log.jsonl.old']);
    await log.append(sampleExchange({ id: 'b' }));
    expect((await readLogContent(file)).ids).toEqual(['b']);
    expect((await readLogContent(`${file}.old`)).ids).toEqual(['a']);
  });
});
