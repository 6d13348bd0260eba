import { open, writeFile } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tempFolder } from '../testing/temp-folder.js';
import { readFirstLine, readLogLines } from './log-lines.js';

async function linesOf(content: Buffer | string, from = 0): Promise<[string, number, number][]> {
  const file = path.join(await tempFolder(), 'log.jsonl');
  await writeFile(file, content);
  const handle = await open(file, 'r');
  const found: [string, number, number][] = [];
  for await (const lines of readLogLines(handle, from)) {
    for (const { bytes, start, end } of lines) found.push([bytes.toString(), start, end]);
  }
  await handle.close();
  return found;
}

describe('the lines of a file', () => {
  it('come with their places, and half a line does not', async () => {
    expect(await linesOf('one\n\nthree\nfou')).toEqual([
      ['one', 0, 4],
      ['', 4, 5],
      ['three', 5, 11],
    ]);
    expect(await linesOf('one\ntwo\n', 4)).toEqual([['two', 4, 8]]);
    expect(await linesOf('')).toEqual([]);
  });

  it('end at a newline only, not at U+2028 in a text', async () => {
    expect(await linesOf('a\u2028b\u2029c\u0085d\r\n')).toEqual([['a\u2028b\u2029c\u0085d\r', 0, 14]]);
  });

  it('are whole wherever a chunk ends', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 300_000 }), { minLength: 1, maxLength: 6 }),
        async lengths => {
          const content = lengths.map((length, i) => `${String(i).repeat(length)}\n`);
          const found = await linesOf(content.join(''));
          expect(found.map(([line]) => `${line}\n`).join('') === content.join('')).toBe(true);
          expect(found.map(([line, start, end]) => end - start - line.length)).toEqual(lengths.map(() => 1));
        },
      ),
      { numRuns: 15 },
    );
  });

  it('can be left in the middle', async () => {
    const file = path.join(await tempFolder(), 'log.jsonl');
    await writeFile(file, 'a\n'.repeat(1_000_000));
    const handle = await open(file, 'r');
    expect(await readFirstLine(handle)).toMatchObject({ start: 0, end: 2 });
    await handle.close();
  });
});
