import * as fs from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { tempFolder } from '../testing/temp-folder.js';
import { listLogFiles, rotate } from './rotation.js';

vi.mock('node:fs/promises', async importOriginal => {
  const original = await importOriginal<typeof fs>();
  return { ...original, readdir: vi.fn(original.readdir) };
});
const { readdir, readFile, writeFile } = fs;

async function folderWith(files: Record<string, string>): Promise<string> {
  const folder = await tempFolder();
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(folder, name), text);
  return folder;
}

describe('rotation', () => {
  it('gives the files ascending numbers', async () => {
    const folder = await folderWith({});
    const log = path.join(folder, 'log.jsonl');
    for (const text of ['first', 'second']) {
      await writeFile(log, text);
      await rotate(log);
    }
    expect(await readFile(path.join(folder, 'log-000001.jsonl'), 'utf8')).toBe('first');
    expect(await readFile(path.join(folder, 'log-000002.jsonl'), 'utf8')).toBe('second');
    expect(await readdir(folder)).toHaveLength(2);
  });

  it('goes on after the highest number, also past six digits, and never fills a gap', async () => {
    const folder = await folderWith({ 'log-000003.jsonl': '', 'log-1000000.jsonl': '', 'log.jsonl': 'new' });
    expect(await rotate(path.join(folder, 'log.jsonl'))).toBe(path.join(folder, 'log-1000001.jsonl'));
  });

  it('overwrites nothing when somebody takes the number in that moment', async () => {
    const folder = await folderWith({ 'log-000001.jsonl': 'theirs', 'log.jsonl': 'mine' });
    vi.mocked(readdir).mockResolvedValueOnce([]);
    expect(await rotate(path.join(folder, 'log.jsonl'))).toBe(path.join(folder, 'log-000002.jsonl'));
    expect(await readFile(path.join(folder, 'log-000001.jsonl'), 'utf8')).toBe('theirs');
    expect(await readFile(path.join(folder, 'log-000002.jsonl'), 'utf8')).toBe('mine');
  });

  it('leaves no reservation behind when there is nothing to rotate', async () => {
    const folder = await folderWith({});
    await expect(rotate(path.join(folder, 'log.jsonl'))).rejects.toThrow('ENOENT');
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('the files of a log', () => {
  it('come oldest first, by number and not by name, and without strangers', async () => {
    const names = [
      'log-000002.jsonl',
      'log-1000000.jsonl',
      'log-000010.jsonl',
      'log.jsonl',
      'log.jsonl.torn',
      'log-5.jsonl',
      'log-000001.jsonl.gz',
      'log-00000x.jsonl',
      'catalog-000001.jsonl',
    ];
    const folder = await folderWith(Object.fromEntries(names.map(name => [name, ''])));
    const files = await listLogFiles(path.join(folder, 'log.jsonl'));
    expect(files.map(file => path.basename(file))).toEqual([
      'log-000002.jsonl',
      'log-000010.jsonl',
      'log-1000000.jsonl',
      'log.jsonl',
    ]);
  });

  it('are none when there is no log, or not even its folder', async () => {
    const folder = await tempFolder();
    expect(await listLogFiles(path.join(folder, 'log.jsonl'))).toEqual([]);
    expect(await listLogFiles(path.join(folder, 'missing', 'log.jsonl'))).toEqual([]);
  });
});
