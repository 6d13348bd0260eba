// The lock under contention, and what it makes of holders that are dead, released, unwritten or alive.
import { readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { until } from '../server/testing/until.js';
import { acquireLock } from './lock.mjs';
import { nameProcess } from './process-identity.mjs';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'minivault-lock-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const ignore = (): void => {};

function claim(number: number, content: object | ''): void {
  writeFileSync(path.join(folder, `lock.${number}`), content === '' ? '' : JSON.stringify(content));
}

it('lets one in at a time, and everybody in the end', async () => {
  let inside = 0;
  let most = 0;
  let served = 0;
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      const release = await acquireLock(folder, ignore);
      inside++;
      most = Math.max(most, inside);
      await turn();
      inside--;
      served++;
      release();
    }),
  );
  expect({ most, served }).toEqual({ most: 1, served: 8 });
  expect(readdirSync(folder)).toHaveLength(1);
});

it.each([
  ['whose process is gone', { pid: 2 ** 22 + 1, identity: 'x', released: false }],
  ['whose number another process has by now', { pid: process.ppid, identity: 'earlier', released: false }],
  ['that was released', { ...nameProcess(process.ppid), released: true }],
])('takes over a claim %s', async (_, content) => {
  claim(3, content);
  const release = await acquireLock(folder, ignore);
  expect(readdirSync(folder)).toEqual(['lock.4']);
  release();
});

it('never takes it from a live process, and says once whom it waits for', async () => {
  claim(1, { ...nameProcess(process.ppid), released: false });
  const onWait = vi.fn();
  let isTaken = false;
  const taken = acquireLock(folder, onWait).then(release => {
    isTaken = true;
    return release;
  });
  await until(() => onWait.mock.calls.length > 0);
  await new Promise(resolve => setTimeout(resolve, 250));
  expect(isTaken).toBe(false);
  expect(onWait.mock.calls).toEqual([[process.ppid]]);
  claim(1, { ...nameProcess(process.ppid), released: true });
  (await taken)();
});

it('gives a claim time to be written, and no more', async () => {
  claim(1, '');
  const onWait = vi.fn();
  const taken = acquireLock(folder, onWait);
  await turn();
  expect(readdirSync(folder)).toEqual(['lock.1']);
  utimesSync(path.join(folder, 'lock.1'), new Date(0), new Date(0));
  (await taken)();
  expect(readdirSync(folder)).toEqual(['lock.2']);
  expect(onWait).not.toHaveBeenCalled();
});
