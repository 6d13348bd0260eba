import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readLogContent } from '../testing/open-test-log.js';
import { sampleExchange } from '../testing/sample-exchange.js';
import { tempFolder } from '../testing/temp-folder.js';
import { toLogLine } from './log-line.js';
import { readExchanges } from './read-exchanges.js';

const line = (id: string, response = ''): string => toLogLine(sampleExchange({ id, response }));

describe('reading the log', () => {
  it('gives the exchanges of all files, oldest first', async () => {
    const log = path.join(await tempFolder(), 'log.jsonl');
    await writeFile(log, line('d'));
    await writeFile(log.replace('log.jsonl', 'log-000002.jsonl'), line('c'));
    await writeFile(log.replace('log.jsonl', 'log-000001.jsonl'), line('a') + line('b'));
    expect(await readLogContent(log)).toEqual({ ids: ['a', 'b', 'c', 'd'], damaged: [] });
  });

  it('passes over damaged lines and tells of each', async () => {
    const log = path.join(await tempFolder(), 'log.jsonl');
    await writeFile(log, `${line('a')}{"half\n{"timestamp":"then"}\n${line('b')}`);
    const { ids, damaged } = await readLogContent(log);
    expect(ids).toEqual(['a', 'b']);
    expect(damaged.map(({ file, line }) => [file, line])).toEqual([
      [log, '{"half'],
      [log, '{"timestamp":"then"}'],
    ]);
  });

  it('does not take U+2028 or U+2029 in a text for the end of a line', async () => {
    const log = path.join(await tempFolder(), 'log.jsonl');
    await writeFile(log, line('a', 'one\u2028two\u2029three\u0085four'));
    expect(await readLogContent(log)).toEqual({ ids: ['a'], damaged: [] });
  });

  it('finds nothing where there is no log', async () => {
    expect(await readLogContent('/nowhere/log.jsonl')).toEqual({ ids: [], damaged: [] });
  });

  it('can be left in the middle', async () => {
    const log = path.join(await tempFolder(), 'log.jsonl');
    await writeFile(log, line('a').repeat(1_000));
    for await (const exchange of readExchanges(log, () => undefined)) {
      expect(exchange.id).toBe('a');
      break;
    }
  });
});
