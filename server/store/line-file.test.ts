import { appendFile, mkdir, readFile, rename, stat, truncate, unlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { FaultyDisk } from '../testing/faulty-disk.js';
import { tempFolder } from '../testing/temp-folder.js';
import { LineFile } from './line-file.js';

const lines = (...texts: string[]): Buffer[] => texts.map(text => Buffer.from(`${text}\n`));

async function openTestFile({ before = '', synced = true } = {}) {
  const file = path.join(await tempFolder(), 'logs', 'log.jsonl');
  const disk = new FaultyDisk();
  if (before !== '') {
    await mkdir(path.dirname(file));
    await writeFile(file, before);
  }
  const lineFile = await LineFile.open(file, { synced, open: disk.open });
  onTestFinished(() => lineFile.close());
  return { file, disk, lineFile, text: () => readFile(file, 'utf8') };
}

describe('a file of lines', () => {
  it('is created with its folder, for its owner only', async () => {
    const { file } = await openTestFile();
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it('goes on behind what is there, with a mended tail', async () => {
    const { lineFile, text } = await openTestFile({ before: '{"a":1}\n{"b' });
    expect(lineFile.mended).toEqual({ did: 'torn', bytes: 3 });
    expect(lineFile.size).toBe(8);
    expect(await lineFile.append(lines('{"c":1}'))).toEqual({ written: 1, error: null });
    expect(await text()).toBe('{"a":1}\n{"c":1}\n');
  });

  it('refuses a path that is no regular file', async () => {
    const folder = await tempFolder();
    await expect(LineFile.open(folder, { synced: true })).rejects.toThrow('EISDIR');
    await expect(LineFile.open('/dev/null', { synced: true })).rejects.toThrow('not a regular file');
  });

  it('writes lines that come together in one call', async () => {
    const { disk, lineFile } = await openTestFile();
    await lineFile.append(lines('a', 'b', 'c'));
    expect(disk.writes).toBe(1);
  });

  it('is cut back to the last whole line, wherever the disk was full', async () => {
    const batch = lines('aaaa', 'bb', 'c');
    const whole = Buffer.concat(batch).toString();
    for (let room = 0; room <= whole.length; room++) {
      const { disk, lineFile, text } = await openTestFile({ before: 'before\n' });
      disk.freeBytes = room;
      const { written, error } = await lineFile.append(batch);
      const kept = whole.slice(0, whole.slice(0, room).lastIndexOf('\n') + 1);
      expect(await text()).toBe(`before\n${kept}`);
      expect(lineFile.size).toBe(7 + kept.length);
      expect(written).toBe(kept.split('\n').length - 1);
      expect(error === null).toBe(room === whole.length);
    }
  });

  it('takes a short write for what it is and writes the rest', async () => {
    const { file, lineFile, text } = await openTestFile();
    const disk = new FaultyDisk();
    const short = await LineFile.open(file, {
      synced: false,
      open: async (...args) => {
        const handle = await disk.open(...args);
        const write = handle.write.bind(handle) as (
          bytes: Buffer,
          at: number,
          length: number,
        ) => Promise<unknown>;
        return Object.assign(Object.create(handle), {
          write: (bytes: Buffer, at: number, length: number) => write(bytes, at, Math.min(length, 3)),
        });
      },
    });
    expect(await short.append(lines('one', 'two'))).toEqual({ written: 2, error: null });
    expect(await text()).toBe('one\ntwo\n');
    await short.close();
    await lineFile.close();
  });

  it('leaves the tail for the next opening when it cannot be cut back', async () => {
    const { disk, lineFile, text } = await openTestFile();
    disk.freeBytes = 5;
    disk.failingTruncates = 1;
    expect((await lineFile.append(lines('one', 'two'))).written).toBe(1);
    expect(await text()).toBe('one\nt');
    disk.freeBytes = 100;
    const fresh = await lineFile.reopen();
    expect(fresh.mended.did).toBe('torn');
    expect(await text()).toBe('one\n');
    await fresh.close();
  });
});

describe('a sync that fails', () => {
  it('is not tried again on the same descriptor', async () => {
    const { disk, lineFile } = await openTestFile();
    await lineFile.append(lines('a'));
    disk.failingSyncs = 1;
    await expect(lineFile.sync()).rejects.toThrow('EIO');
    await expect(lineFile.sync()).rejects.toThrow('EIO');
    expect(disk.syncs).toHaveLength(1);
  });

  it('is made good by writing the same bytes to the same place through another descriptor', async () => {
    const { disk, lineFile, text } = await openTestFile({ before: 'before\n' });
    await lineFile.append(lines('saved'));
    await lineFile.sync();
    await lineFile.append(lines('doubtful'));
    disk.failingSyncs = 1;
    await expect(lineFile.sync()).rejects.toThrow('EIO');
    const writes = disk.writes;
    const fresh = await lineFile.reopen();
    expect(disk.writes).toBe(writes + 1);
    expect(new Set(disk.syncs).size).toBe(2);
    expect(fresh.syncFault).toBeNull();
    expect(fresh.unsyncedBytes).toBe(0);
    expect(await text()).toBe('before\nsaved\ndoubtful\n');
    await fresh.close();
  });

  it('keeps what is not saved when the second descriptor fails too', async () => {
    const { disk, lineFile, text } = await openTestFile();
    await lineFile.append(lines('doubtful'));
    disk.failingSyncs = 2;
    await expect(lineFile.reopen()).rejects.toThrow('EIO');
    expect(lineFile.unsyncedBytes).toBe(9);
    const fresh = await lineFile.reopen();
    expect(await text()).toBe('doubtful\n');
    await fresh.close();
  });

  it('has its lines written to the new file when the old one was moved away', async () => {
    const { file, disk, lineFile, text } = await openTestFile();
    await lineFile.append(lines('doubtful'));
    disk.failingSyncs = 1;
    await rename(file, `${file}.old`);
    const fresh = await lineFile.reopen();
    expect(await text()).toBe('doubtful\n');
    expect(await readFile(`${file}.old`, 'utf8')).toBe('doubtful\n');
    await fresh.close();
  });

  it('has its lines written at the end when somebody has emptied the file since', async () => {
    const { file, disk, lineFile, text } = await openTestFile({ before: 'before\n' });
    await lineFile.append(lines('a'));
    await truncate(file, 0);
    await lineFile.append(lines('b'));
    expect(await lineFile.whereabouts(lines('b'))).toBe('here');
    disk.failingSyncs = 1;
    const fresh = await lineFile.reopen();
    expect(await text()).toBe('b\na\nb\n');
    await fresh.close();
  });

  it('is no failure where the file system cannot sync at all', async () => {
    const { disk, lineFile } = await openTestFile();
    await lineFile.append(lines('a'));
    disk.failingSyncs = 1;
    disk.syncCode = 'EINVAL';
    await lineFile.sync();
    expect(lineFile.unsyncedBytes).toBe(0);
  });

  it('holds nothing in memory when nobody will sync', async () => {
    const { lineFile } = await openTestFile({ synced: false });
    await lineFile.append(lines('a'));
    expect(lineFile.unsyncedBytes).toBe(0);
  });
});

describe('lines just written', () => {
  const last = lines('last');

  it.each<[string, (file: string) => Promise<unknown>, string]>([
    ['nobody touched the file', async () => undefined, 'here'],
    ['it was renamed', file => rename(file, `${file}.old`), 'elsewhere'],
    ['it was deleted', unlink, 'gone'],
    ['it was emptied', file => truncate(file, 0), 'gone'],
    ['it was cut in the middle of them', file => truncate(file, 8), 'gone'],
    ['somebody wrote behind them', file => appendFile(file, 'stranger\n'), 'here'],
    [
      'another file took its name',
      file => rename(file, `${file}.old`).then(() => writeFile(file, 'x\n')),
      'elsewhere',
    ],
  ])('when %s', async (_, change, whereabouts) => {
    const { file, lineFile } = await openTestFile({ before: 'before\n' });
    await lineFile.append(last);
    await change(file);
    expect(await lineFile.whereabouts(last)).toBe(whereabouts);
  });

  it('are whole when the file was emptied before them', async () => {
    const { file, lineFile, text } = await openTestFile({ before: 'before\n' });
    await truncate(file, 0);
    await lineFile.append(last);
    expect(await lineFile.whereabouts(last)).toBe('here');
    expect(lineFile.size).toBe(5);
    expect(await text()).toBe('last\n');
  });

  it('are taken off half a line of a stranger, which the next opening moves away', async () => {
    const { file, lineFile, text } = await openTestFile({ before: 'before\n' });
    await appendFile(file, 'half');
    await lineFile.append(last);
    expect(await lineFile.whereabouts(last)).toBe('gone');
    expect(await text()).toBe('before\nhalf');
    const fresh = await lineFile.reopen();
    expect(await text()).toBe('before\n');
    await fresh.close();
  });
});
