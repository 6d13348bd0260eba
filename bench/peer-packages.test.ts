import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { installPeers } from './peer-packages.mjs';
import { findPlaces, type Places } from './places.mjs';

let folder: string;
let places: Places;
let said: string[];
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'minivault-peers-'));
  said = [];
  places = { ...(await findPlaces(folder)), nodeDir: path.join(folder, 'node') };
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** An npm that notes what it is asked for. */
async function withNpm<T>(script: string, work: () => Promise<T>): Promise<T> {
  const bin = path.join(folder, 'bin');
  await mkdir(bin, { recursive: true });
  await writeFile(path.join(bin, 'npm'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const before = process.env.PATH;
  process.env.PATH = `${bin}:${before}`;
  try {
    return await work();
  } finally {
    process.env.PATH = before;
  }
}

const install = () => installPeers(['node', 'node'], places, line => said.push(line));

describe('the peers’ packages', () => {
  it('are installed once, in exact versions, into a folder of their own', async () => {
    await withNpm('echo "$PWD $*" >> ../calls', async () => {
      expect(await install()).toEqual(new Map());
      expect(await install()).toEqual(new Map());
    });
    const calls = (await readFile(path.join(folder, 'calls'), 'utf8')).trim().split('\n');
    expect(calls).toHaveLength(1);
    expect(calls[0]).toMatch(/\/node install .*node-llama-cpp@\d+\.\d+\.\d+ /);
    expect(said).toEqual([expect.stringContaining('installing node-llama-cpp@')]);
  });

  it('that cannot be installed are named with the reason, and tried again by the next run', async () => {
    const failing = () => withNpm('echo "no space left" >&2; exit 7', install);
    expect((await failing()).get('node')).toContain('failed (7): no space left');
    expect((await failing()).get('node')).toContain('failed (7): no space left');
    expect(said).toHaveLength(2);
  });
});
