import { open, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { FaultyDisk } from '../testing/faulty-disk.js';
import { sampleExchange } from '../testing/sample-exchange.js';
import { tempFolder } from '../testing/temp-folder.js';
import { toLogLine } from './log-line.js';
import { type MendedTail, mendTail, readBytes, tornPath } from './torn-tail.js';

vi.setConfig({ testTimeout: 60_000 });

async function mend(file: string, disk = new FaultyDisk()): Promise<MendedTail> {
  const handle = await disk.open(file, 'a+');
  try {
    return await mendTail(handle, file, disk.open);
  } finally {
    await handle.close();
  }
}

describe('a torn tail', () => {
  it('is mended at every byte of the last two lines', async () => {
    const file = path.join(await tempFolder(), 'log.jsonl');
    const lines = ['first', 'zweite 👋', 'dritte ü'].map((prompt, i) =>
      Buffer.from(toLogLine(sampleExchange({ prompt, id: `id-${i}` }))),
    );
    const whole = Buffer.concat(lines);
    const ends = lines.map((_, i) => Buffer.concat(lines.slice(0, i + 1)).length);
    const outcomes = { nothing: 0, completed: 0, torn: 0 };
    let torn = 0;
    const [disk, log, kept] = [new FaultyDisk(), await open(file, 'w+'), await open(tornPath(file), 'w+')];
    for (let cut = ends[0] ?? 0; cut <= whole.length; cut++) {
      await log.write(whole, 0, whole.length, 0);
      await log.truncate(cut);
      const { did, bytes } = await mend(file, disk);
      outcomes[did]++;
      const start = ends.findLast(end => end <= cut) ?? 0;
      const tail = whole.subarray(start, cut);
      const lacksOnlyNewline = ends.includes(cut + 1);
      expect(bytes).toBe(tail.length);
      expect(did).toBe(tail.length === 0 ? 'nothing' : lacksOnlyNewline ? 'completed' : 'torn');
      const expected = whole.subarray(0, lacksOnlyNewline ? cut + 1 : start);
      expect((await readBytes(log, 0, whole.length + 1)).equals(expected)).toBe(true);
      const expectedTorn = did === 'torn' ? Buffer.concat([tail, Buffer.from('\n')]) : Buffer.alloc(0);
      expect((await readBytes(kept, torn, whole.length)).equals(expectedTorn)).toBe(true);
      torn += expectedTorn.length;
    }
    await log.close();
    await kept.close();
    expect(outcomes.nothing).toBe(3);
    expect(outcomes.completed).toBe(2);
    expect(outcomes.torn).toBe(whole.length - (ends[0] ?? 0) + 1 - 5);
  });

  it.each([
    ['an empty log', '', 'nothing', ''],
    ['half a line and nothing else', '{"a"', 'torn', ''],
    ['zeros from a power cut', '{"a":1}\n\0\0\0\0', 'torn', '{"a":1}\n'],
    ['a bare number, which is no object', '{"a":1}\n12', 'torn', '{"a":1}\n'],
    ['a whole line with spaces behind it', '{"a":1}  ', 'completed', '{"a":1}  \n'],
  ])('%s', async (_, before, did, after) => {
    const file = path.join(await tempFolder(), 'log.jsonl');
    await writeFile(file, before);
    expect((await mend(file)).did).toBe(did);
    expect(await readFile(file, 'utf8')).toBe(after);
  });

  it('is not taken for a whole line when it is not UTF-8', async () => {
    const file = path.join(await tempFolder(), 'log.jsonl');
    await writeFile(file, Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff]), Buffer.from('"}')]));
    expect((await mend(file)).did).toBe('torn');
  });

  it('keeps the bytes of every tail that ever was, on the disk', async () => {
    const file = path.join(await tempFolder(), 'log.jsonl');
    const disk = new FaultyDisk();
    for (const tail of ['{"a', '{"b']) {
      await writeFile(file, tail);
      await mend(file, disk);
    }
    expect(disk.syncs).toHaveLength(2);
    expect(await readFile(tornPath(file), 'utf8')).toBe('{"a\n{"b\n');
  });

  it('leaves the log as it is when its bytes cannot be kept', async () => {
    const file = path.join(await tempFolder(), 'log.jsonl');
    const disk = new FaultyDisk();
    await writeFile(file, '{"a":1}\n{"b');
    const handle = await disk.open(file, 'a+');
    disk.failingOpens = 1;
    await expect(mendTail(handle, file, disk.open)).rejects.toThrow('ENOSPC');
    disk.failingSyncs = 1;
    await expect(mendTail(handle, file, disk.open)).rejects.toThrow('EIO');
    await handle.close();
    expect(await readFile(file, 'utf8')).toBe('{"a":1}\n{"b');
  });

  it('is found without reading the rest of a big log', async () => {
    const file = path.join(await tempFolder(), 'log.jsonl');
    const line = `${JSON.stringify({ text: 'x'.repeat(1000) })}\n`;
    await writeFile(file, `${line.repeat(20_000)}{"torn`);
    const disk = new FaultyDisk();
    expect(await mend(file, disk)).toEqual({ did: 'torn', bytes: 6 });
    expect(disk.bytesRead).toBeLessThan(128 * 1024);
    expect((await readFile(file)).length).toBe(20_000 * line.length);
  });

  it('may be longer than what is read at once', async () => {
    const file = path.join(await tempFolder(), 'log.jsonl');
    const tail = `{"text":"${'ü'.repeat(200_000)}`;
    await writeFile(file, `{"a":1}\n${tail}`);
    expect((await mend(file)).did).toBe('torn');
    expect(await readFile(tornPath(file), 'utf8')).toBe(`${tail}\n`);
    expect(await readFile(file, 'utf8')).toBe('{"a":1}\n');
  });
});
