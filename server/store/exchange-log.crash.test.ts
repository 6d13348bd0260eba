// kill -9 of a program that writes the log, at any moment of its life.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Compiled, compile } from '../testing/compile.js';
import { openTestLog, readLogContent } from '../testing/open-test-log.js';
import { sampleExchange } from '../testing/sample-exchange.js';
import { tempFolder } from '../testing/temp-folder.js';
import { toLogLine } from './log-line.js';

const CHILD = 'server/testing/log-writing-child.ts';
const ROUNDS = 50;
const TEMPLATE = toLogLine(sampleExchange());
let compiled: Compiled;

beforeAll(async () => {
  compiled = await compile(CHILD);
}, 30_000);

afterAll(() => compiled.remove());

/** Runs the writer, kills it `delayMs` after its first acknowledgement or its start; returns what was acknowledged. */
async function writeAndKill(
  file: string,
  name: string,
  delayMs: number,
  moment: 'started' | 'writing',
): Promise<string[]> {
  const child = spawn(process.execPath, [compiled.program(CHILD), file, name, TEMPLATE], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  await (moment === 'started' ? once(child, 'spawn') : once(child.stdout, 'data'));
  await new Promise(resolve => setTimeout(resolve, delayMs));
  child.kill('SIGKILL');
  await once(child, 'close');
  return Buffer.concat(chunks).toString().split('\n').slice(0, -1);
}

/** Kills the writers of one log, one after the other; the next one mends what the one before left. */
async function killWriters(file: string): Promise<void> {
  const acknowledged: string[] = [];
  for (let round = 0; round < ROUNDS / 2; round++) {
    const moment = round % 5 === 0 ? 'started' : 'writing';
    const delayMs = Math.random() * (moment === 'started' ? 150 : 20);
    acknowledged.push(...(await writeAndKill(file, `round-${round}`, delayMs, moment)));
  }
  const { log } = await openTestLog({ path: file });
  await log.close();
  const { ids, damaged } = await readLogContent(file);
  expect(damaged).toEqual([]);
  expect(new Set(ids).size).toBe(ids.length);
  expect(acknowledged.length).toBeGreaterThan(ROUNDS / 2);
  const written = new Set(ids);
  expect(acknowledged.filter(id => !written.has(id))).toEqual([]);
}

it(`keeps every acknowledged line whole over ${ROUNDS} kill -9 of the writer`, async () => {
  const folder = await tempFolder();
  await Promise.all(['a.jsonl', 'b.jsonl'].map(name => killWriters(path.join(folder, name))));
}, 120_000);
