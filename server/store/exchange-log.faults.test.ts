// The log on disks that are full, broken or asleep: injected faults, and a real full disk where one may be mounted.
import { execFileSync } from 'node:child_process';
import { open, readFile, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Exchange } from '../domain/exchange.js';
import { openTestLog, readLogContent } from '../testing/open-test-log.js';
import { sampleExchange } from '../testing/sample-exchange.js';
import { tempFolder } from '../testing/temp-folder.js';
import { until } from '../testing/until.js';
import { toLogLine } from './log-line.js';

vi.setConfig({ testTimeout: 30_000 });

const LINE_BYTES = toLogLine(sampleExchange({ id: 'id-000' })).length;
const numbered = (count: number, from = 0): Exchange[] =>
  Array.from({ length: count }, (_, i) => sampleExchange({ id: `id-${String(from + i).padStart(3, '0')}` }));
const ids = (exchanges: readonly Exchange[]): string[] => exchanges.map(({ id }) => id);

/** How long it took, in ms. */
async function timed(work: Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work;
  return performance.now() - start;
}

describe('a full disk', () => {
  it.each([0, 1, LINE_BYTES - 1, LINE_BYTES, 10 * LINE_BYTES + 17])(
    'with %i bytes left delays lines and neither loses, tears nor reorders any',
    async freeBytes => {
      const { log, file, disk, entries } = await openTestLog();
      disk.freeBytes = freeBytes;
      const exchanges = numbered(200);
      for (const exchange of exchanges) await log.append(exchange);
      expect(log.status()).toMatchObject({
        degraded: true,
        dropped: 0,
        lastError: 'ENOSPC: injected, write',
      });
      const fitted = Math.floor(freeBytes / LINE_BYTES);
      expect(log.status().spooled).toBe(200 - fitted);
      expect((await stat(file)).size).toBe(fitted * LINE_BYTES);
      disk.freeBytes = Number.POSITIVE_INFINITY;
      await until(() => !log.status().degraded);
      expect(await readLogContent(file)).toEqual({ ids: ids(exchanges), damaged: [] });
      expect(log.status()).toMatchObject({ spooled: 0, dropped: 0 });
      expect(entries.map(({ level }) => level)).toEqual(['error', 'info']);
    },
  );

  it('takes lines as space comes back bit by bit', async () => {
    const { log, file, disk } = await openTestLog();
    disk.freeBytes = 0;
    await Promise.all(numbered(10).map(exchange => log.append(exchange)));
    disk.freeBytes = 3 * LINE_BYTES + 5;
    await until(() => log.status().spooled === 7);
    expect((await readLogContent(file)).damaged).toEqual([]);
    disk.freeBytes = 1e9;
    await until(() => !log.status().degraded);
    expect((await readLogContent(file)).ids).toEqual(ids(numbered(10)));
  });

  it('keeps nobody waiting, neither those whose line fitted nor the others', async () => {
    const { log, disk } = await openTestLog();
    await log.append(sampleExchange());
    disk.freeBytes = 3 * LINE_BYTES + 5;
    const waitedMs = await timed(Promise.all(numbered(10).map(exchange => log.append(exchange))));
    expect(waitedMs).toBeLessThan(1_500);
    expect(log.status().spooled).toBe(7);
  });

  it('leaves half a line where it cannot be cut back, which is moved away before the next', async () => {
    const { log, file, disk } = await openTestLog();
    disk.freeBytes = Math.floor(1.5 * LINE_BYTES);
    disk.failingTruncates = 1;
    await Promise.all(numbered(2).map(exchange => log.append(exchange)));
    disk.freeBytes = 1e9;
    await until(() => !log.status().degraded);
    expect(await readLogContent(file)).toEqual({ ids: ids(numbered(2)), damaged: [] });
    expect(log.status().tornTails).toBe(1);
  });

  it('costs the oldest entries beyond a thousand, counted and reported', async () => {
    const { log, file, disk, entries } = await openTestLog();
    disk.freeBytes = 0;
    for (const exchange of numbered(1_100)) await log.append(exchange);
    expect(log.status()).toMatchObject({ spooled: 1_000, dropped: 100 });
    await until(() =>
      entries.some(({ message, fields }) => /spool is full/.test(message) && fields.dropped === 100),
    );
    disk.freeBytes = 1e9;
    await until(() => !log.status().degraded);
    expect((await readLogContent(file)).ids).toEqual(ids(numbered(1_000, 100)));
    expect(log.status().dropped).toBe(100);
  });

  it('does not keep the gateway from starting', async () => {
    const { disk } = await openTestLog();
    disk.failingOpens = 2;
    const { log, file } = await openTestLog({ open: disk.open });
    await log.append(sampleExchange());
    expect(log.status()).toMatchObject({ degraded: true, spooled: 1, lastError: 'ENOSPC: injected, open' });
    await until(() => !log.status().degraded);
    expect((await readLogContent(file)).ids).toHaveLength(1);
  });

  it('gets one last attempt at the end, and what is lost then is told', async () => {
    const { log, file, disk, entries } = await openTestLog();
    disk.freeBytes = 0;
    for (const exchange of numbered(3)) await log.append(exchange);
    disk.freeBytes = 2 * LINE_BYTES;
    await log.close();
    expect(await readLogContent(file)).toEqual({ ids: ['id-000', 'id-001'], damaged: [] });
    expect(entries.at(-1)).toMatchObject({ level: 'error', fields: { lost: 1 } });
    expect(log.status().dropped).toBe(1);
  });
});

function mountSmallDisk(folder: string): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder], { stdio: 'pipe' });
  onTestFinished(() => {
    execFileSync('umount', ['--lazy', folder]);
  });
}

/** Mounting takes root; elsewhere the injected faults above have to do. */
describe.runIf(process.platform === 'linux' && process.getuid?.() === 0)('a real disk of 64 KiB', () => {
  it('loses and tears nothing of 200 exchanges once it is bigger', async ({ skip }) => {
    const folder = await tempFolder();
    try {
      mountSmallDisk(folder);
    } catch (error) {
      skip(`no tmpfs may be mounted here: ${error}`);
    }
    const { log, file } = await openTestLog({ path: path.join(folder, 'log.jsonl'), open });
    const exchanges = numbered(200);
    for (const exchange of exchanges) expect(await timed(log.append(exchange))).toBeLessThan(1_500);
    expect(log.status()).toMatchObject({ degraded: true, dropped: 0 });
    expect(log.status().lastError).toContain('ENOSPC');
    expect((await readFile(file, 'utf8')).endsWith('\n')).toBe(true);
    execFileSync('mount', ['-o', 'remount,size=1m', folder]);
    await until(() => !log.status().degraded);
    expect(await readLogContent(file)).toEqual({ ids: ids(exchanges), damaged: [] });
    await log.close();
  });
});

describe('a disk with errors', () => {
  it('gets the line again, once', async () => {
    const { log, file, disk } = await openTestLog();
    await log.append(sampleExchange({ id: 'a' }));
    disk.failingWrites = 2;
    await Promise.all([log.append(sampleExchange({ id: 'b' })), log.append(sampleExchange({ id: 'c' }))]);
    expect(log.status()).toMatchObject({ degraded: true, lastError: 'EIO: injected, write' });
    await until(() => !log.status().degraded);
    expect(await readLogContent(file)).toEqual({ ids: ['a', 'b', 'c'], damaged: [] });
  });

  it.each(['always', 'everysec'] as const)(
    'that fails a sync is written again through another descriptor (%s)',
    async fsync => {
      const { log, file, disk } = await openTestLog({ fsync });
      disk.failingSyncs = 1;
      await Promise.all([log.append(sampleExchange({ id: 'a' })), log.append(sampleExchange({ id: 'b' }))]);
      await until(() => log.status().lastError === 'EIO: injected, fdatasync');
      await until(() => !log.status().degraded);
      expect(await readLogContent(file)).toEqual({ ids: ['a', 'b'], damaged: [] });
      await log.append(sampleExchange({ id: 'c' }));
      await log.close();
      expect(new Set(disk.syncs).size).toBe(disk.syncs.length);
      expect(await readLogContent(file)).toEqual({ ids: ['a', 'b', 'c'], damaged: [] });
    },
  );

  it('that fails the last sync is written again before the end', async () => {
    const { log, file, disk } = await openTestLog({ fsync: 'everysec' });
    await log.append(sampleExchange({ id: 'a' }));
    disk.failingSyncs = 1;
    await log.close();
    expect(new Set(disk.syncs).size).toBe(2);
    expect(await readLogContent(file)).toEqual({ ids: ['a'], damaged: [] });
  });
});

describe('a log that is deleted', () => {
  it('now and then is no trouble', async () => {
    const { log, file, entries } = await openTestLog();
    for (const exchange of numbered(10)) {
      await log.append(exchange);
      await rm(file);
    }
    expect(log.status()).toMatchObject({ degraded: false, lastError: null });
    expect(entries).toEqual([]);
  });

  it('as fast as it is written makes lines wait in memory', async () => {
    const { log, file, disk } = await openTestLog();
    disk.afterWrite = () => rm(file);
    await log.append(sampleExchange({ id: 'a' }));
    expect(log.status()).toMatchObject({ degraded: true, spooled: 1 });
    disk.afterWrite = null;
    await until(() => !log.status().degraded);
    expect(await readLogContent(file)).toEqual({ ids: ['a'], damaged: [] });
  });
});

describe('a disk that does not answer', () => {
  it('holds up no append for longer than 2 s', async () => {
    const { log, file, disk, entries } = await openTestLog();
    let wake = (): void => undefined;
    disk.hold = new Promise(resolve => {
      wake = resolve;
    });
    const [first, second] = [
      log.append(sampleExchange({ id: 'a' })),
      log.append(sampleExchange({ id: 'b' })),
    ];
    const waitedMs = await timed(Promise.all([first, second]));
    expect(waitedMs).toBeGreaterThan(1_500);
    expect(waitedMs).toBeLessThan(10_000);
    expect(log.status()).toMatchObject({ degraded: true, spooled: 2 });
    expect(await timed(log.append(sampleExchange({ id: 'c' })))).toBeLessThan(1_500);
    expect(entries).toMatchObject([{ level: 'error', message: 'The log has not answered for 2000 ms' }]);
    wake();
    await until(() => !log.status().degraded);
    await until(async () => (await readLogContent(file)).ids.length === 3);
    expect((await readLogContent(file)).ids).toEqual(['a', 'b', 'c']);
  });
});
