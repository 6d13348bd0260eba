// The lock as processes meet it: one that runs is never robbed, one that is dead never keeps anybody out.
import { type ChildProcess, spawn } from 'node:child_process';
import { chownSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it, onTestFinished } from 'vitest';
import { type Compiled, compile } from '../testing/compile.js';
import { tempFolder } from '../testing/temp-folder.js';
import { HeldError, lockFolder } from './folder-lock.js';
import { identityOf } from './process-identity.js';

const CHILD = 'server/testing/lock-child.ts';
const KILLS = 10;

let compiled: Compiled;
let folder: string;
let guarded: string;
beforeAll(async () => {
  compiled = await compile(CHILD);
});
afterAll(() => compiled.remove());
beforeEach(async () => {
  folder = await tempFolder();
  guarded = path.join(folder, 'vault');
});

/** What a process that wants the lock says; it keeps running if it has it. */
async function want(): Promise<{ child: ChildProcess; says: string }> {
  const child = spawn(process.execPath, [compiled.program(CHILD), guarded], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const says = await new Promise<string>(resolve => {
    child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString().trim()));
  });
  return { child, says };
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = new Promise(resolve => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}

function claim(number: number, content: object): void {
  writeFileSync(path.join(folder, `vault.lock.${number}`), JSON.stringify(content));
}

it('is one at a time, and names who has it', async () => {
  const { child, says } = await want();
  expect(says).toBe('taken');
  expect(() => lockFolder(guarded)).toThrow(
    `${guarded} is in use by process ${child.pid}; stop that one first, or name another place`,
  );
  expect((await want()).says).toBe(`held ${child.pid}`);
  child.stdin?.end();
  await new Promise(resolve => child.once('exit', resolve));
  lockFolder(guarded).release();
});

it('is not given twice to the same process', () => {
  const lock = lockFolder(guarded);
  expect(() => lockFolder(guarded)).toThrow(HeldError);
  lock.release();
  lock.release();
  lockFolder(guarded).release();
});

it(`is taken over after each of ${KILLS} kill -9`, async () => {
  for (let n = 0; n < KILLS; n++) {
    const { child, says } = await want();
    expect(says).toBe('taken');
    expect(() => lockFolder(guarded)).toThrow(HeldError);
    await kill(child);
  }
  lockFolder(guarded).release();
  expect(readdirSync(folder)).toHaveLength(1);
});

it('goes to exactly one of those who find its holder dead at once', async () => {
  for (let n = 0; n < 3; n++) {
    const { child } = await want();
    await kill(child);
    const newcomers = await Promise.all(Array.from({ length: 6 }, want));
    const [winner, ...others] = newcomers.filter(({ says }) => says === 'taken');
    expect(others).toEqual([]);
    const held = newcomers.filter(({ says }) => says === `held ${winner?.child.pid}`);
    expect(held).toHaveLength(newcomers.length - 1);
    if (winner !== undefined) await kill(winner.child);
  }
});

it.each([
  ['is dead', { pid: 2 ** 22 + 1, identity: 'x', released: false }],
  ['has given its number to another', { pid: process.ppid, identity: 'earlier', released: false }],
  ['has released it', { pid: process.ppid, identity: identityOf(process.ppid), released: true }],
  ['was torn by a crash of the machine', {}],
])('is taken over from a process that %s', (_, content) => {
  claim(3, content);
  const lock = lockFolder(guarded);
  expect(readdirSync(folder)).toEqual(['vault.lock.4']);
  lock.release();
});

it('is never taken from a process that runs', () => {
  const content = { pid: process.ppid, identity: identityOf(process.ppid), released: false };
  claim(7, content);
  expect(() => lockFolder(guarded)).toThrow(new RegExp(`process ${process.ppid};`));
  expect(JSON.parse(readFileSync(path.join(folder, 'vault.lock.7'), 'utf8'))).toEqual(content);
});

it('is readable by its owner only', () => {
  const lock = lockFolder(guarded);
  expect(statSync(`${guarded}.lock.1`).mode & 0o777).toBe(0o600);
  lock.release();
  expect(statSync(`${guarded}.lock.1`).mode & 0o777).toBe(0o600);
});

it.skipIf(process.getuid?.() !== 0)('that root has had can be had by the owner of the folder', () => {
  const owner = 65_534;
  chownSync(folder, owner, owner);
  const lock = lockFolder(guarded);
  const owners = () => readdirSync(folder).map(name => statSync(path.join(folder, name)).uid);
  expect(owners()).toEqual([owner]);
  lock.release();
  expect(owners()).toEqual([owner]);
});
