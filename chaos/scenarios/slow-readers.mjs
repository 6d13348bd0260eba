// G8: fifty clients that read one byte a second, beside one that reads as it should. What the one feels is compared with
// fifty that read as they should, too: that there are others is no fault, that they are slow must make no difference.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { quantile } from '../../bench/statistics.mjs';
import { ask } from '../client.mjs';
import { SIMPLE_NDJSON } from '../dialects.mjs';
import { startGateway } from '../gateway.mjs';
import { checkEntries } from '../invariants.mjs';
import { Ledger } from '../ledger.mjs';
import { readLog } from '../log-files.mjs';

export const goal = 'G8';
export const title = '50 readers at 1 B/s beside one normal reader';

const READERS = 50;
const SLOW_S = { full: 600, short: 5 };
/** Before the slow ones and behind them, so that a machine that gets busier is no fault of theirs. */
const CONTROL_S = { full: 60, short: 2 };
const GAP_MS = 20;
const TOKENS = 200;
const MORE_MS = 1.1;
/** A timer's grain, below which a tenth more is nothing that anybody measures. */
const GRAIN_MS = 1;
const MORE_BYTES = 50e6;
const SAMPLE_MS = 500;
const PROGRAM = path.join(import.meta.dirname, '..', 'slow_readers.py');

/** @param {import('../run-scenarios.mjs').RunOptions} options */
export async function run({ scale, random, folder, say }) {
  const gateway = await startGateway({
    folder,
    hasVault: false,
    plan: { slots: 64, tokens: 8_000, gap_ms: GAP_MS, rules: [{ match: 'normal', tokens: TOKENS }] },
  });
  const url = await gateway.url;
  await gateway.ready();
  const ledger = new Ledger(random);
  const controls = [await withNormalOnes(gateway, url, ledger, CONTROL_S[scale])];
  const restBytes = gateway.residentBytes;
  let mostBytes = restBytes;
  const sampler = setInterval(() => {
    mostBytes = Math.max(mostBytes, gateway.residentBytes);
  }, SAMPLE_MS);
  const slow = startReaders(url, SLOW_S[scale]);
  // So that all of them are there from the first word that is measured.
  await gateway.until('reading', ({ worker }) => worker.running >= READERS);
  const gapsMs = await readFor(url, ledger, SLOW_S[scale] - 1);
  const { begun, cut, read } = await slow;
  clearInterval(sampler);
  await gateway.until('at rest', ({ worker, queue }) => worker.running + queue.running + queue.waiting === 0);
  controls.push(await withNormalOnes(gateway, url, ledger, CONTROL_S[scale]));

  const faults = [
    ...checkEntries(ledger.entries, { mayCut: false }),
    ...(await readLog(gateway.logFile)).faults,
  ];
  await gateway.stop();
  const beforeMs = quantile(controls.flat(), 0.99) ?? 0;
  const duringMs = quantile([...gapsMs], 0.99) ?? Number.POSITIVE_INFINITY;
  say(`p99 of the gaps: ${beforeMs.toFixed(1)} ms, then ${duringMs.toFixed(1)} ms`);
  // In a few seconds a tenth more is chance.
  const mostMs =
    scale === 'full' ? Math.max(beforeMs * MORE_MS, beforeMs + GRAIN_MS) : Math.max(beforeMs * 4, 250);
  if (duringMs > mostMs)
    faults.push(`the normal reader's gaps grew from ${beforeMs.toFixed(1)} to ${duringMs.toFixed(1)} ms`);
  if (mostBytes - restBytes > MORE_BYTES)
    faults.push(`memory grew by ${Math.round((mostBytes - restBytes) / 1e6)} MB`);
  return {
    tried: begun + ledger.entries.length,
    failed: faults.length,
    faults,
    figures: {
      minutes: Math.round(SLOW_S[scale] / 6) / 10,
      'gap of the normal one, p99': `${duringMs.toFixed(1)} ms`,
      'beside normal ones': `${beforeMs.toFixed(1)} ms`,
      'memory grew by': `${((mostBytes - restBytes) / 1e6).toFixed(1)} MB`,
      'slow ones cut after a minute without progress': cut,
      'bytes they read': read,
    },
  };
}

/** One after the other, for so long. @param {string} url @param {Ledger} ledger @param {number} seconds @returns {Promise<number[]>} the gaps between its pieces */
async function readFor(url, ledger, seconds) {
  /** @type {number[]} */
  const gapsMs = [];
  const endMs = performance.now() + seconds * 1_000;
  while (performance.now() < endMs) {
    let lastMs = 0;
    await ask(url, ledger, {
      dialect: SIMPLE_NDJSON,
      tokens: TOKENS,
      prompt: 'normal',
      onText: () => {
        const nowMs = performance.now();
        if (lastMs > 0) gapsMs.push(nowMs - lastMs);
        lastMs = nowMs;
      },
    });
  }
  return gapsMs;
}

/** @param {import('../gateway.mjs').Gateway} gateway @param {string} url @param {Ledger} ledger @param {number} seconds */
async function withNormalOnes(gateway, url, ledger, seconds) {
  const others = startReaders(url, seconds + 1, 'as fast as they can');
  await gateway.until('reading', ({ worker }) => worker.running >= READERS);
  const gapsMs = await readFor(url, ledger, seconds);
  await others;
  await gateway.until('at rest', ({ worker, queue }) => worker.running + queue.running + queue.waiting === 0);
  return gapsMs;
}

/** @param {string} url @param {number} seconds @param {'slowly' | 'as fast as they can'} [how] */
function startReaders(url, seconds, how = 'slowly') {
  const words = [
    PROGRAM,
    new URL(url).port,
    String(READERS),
    String(seconds),
    how === 'slowly' ? '1' : '65536',
  ];
  return /** @type {Promise<{ begun: number, cut: number, read: number }>} */ (
    new Promise((resolve, reject) => {
      const child = spawn('python3', words, { stdio: ['ignore', 'pipe', 'inherit'] });
      let text = '';
      child.stdout.setEncoding('utf8').on('data', chunk => {
        text += chunk;
      });
      child.on('error', reject);
      child.on('close', code =>
        code === 0 ? resolve(JSON.parse(text)) : reject(new Error(`the slow readers ended with ${code}`)),
      );
    })
  );
}
