// G8: fifty clients that read one byte a second, beside one that reads as it should. What the one feels is compared with
// what another one feels at the same time, at another gateway, beside fifty that read as they should: that there are others
// is no fault, nor that the machine is busy; that they are slow must make no difference.
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
  const ledger = new Ledger(random);
  const [slow, quick] = await Promise.all([
    measure(path.join(folder, 'slow'), 'slowly', SLOW_S[scale], ledger),
    measure(path.join(folder, 'quick'), 'as fast as they can', SLOW_S[scale], ledger),
  ]);
  const faults = [...checkEntries(ledger.entries, { mayCut: false }), ...slow.faults, ...quick.faults];
  const quickMs = quantile(quick.gapsMs, 0.99) ?? 0;
  const slowMs = quantile(slow.gapsMs, 0.99) ?? Number.POSITIVE_INFINITY;
  say(`p99 of the gaps: ${slowMs.toFixed(1)} ms, beside quick ones ${quickMs.toFixed(1)} ms`);
  // In a few seconds a tenth more is chance.
  const mostMs =
    scale === 'full' ? Math.max(quickMs * MORE_MS, quickMs + GRAIN_MS) : Math.max(quickMs * 4, 250);
  if (slowMs > mostMs) {
    faults.push(
      `the normal reader's gaps are ${slowMs.toFixed(1)} ms, and ${quickMs.toFixed(1)} ms beside quick ones`,
    );
  }
  if (slow.grewBytes > MORE_BYTES) faults.push(`memory grew by ${Math.round(slow.grewBytes / 1e6)} MB`);
  return {
    tried: slow.readers.begun + ledger.entries.length,
    failed: faults.length,
    faults,
    figures: {
      minutes: Math.round(SLOW_S[scale] / 6) / 10,
      'gap of the normal one, p99': `${slowMs.toFixed(1)} ms`,
      'beside quick ones': `${quickMs.toFixed(1)} ms`,
      'memory grew by': `${(slow.grewBytes / 1e6).toFixed(1)} MB`,
      'beside quick ones, memory grew by': `${(quick.grewBytes / 1e6).toFixed(1)} MB`,
      'slow ones cut after a minute without progress': slow.readers.cut,
      'bytes they read': slow.readers.read,
    },
  };
}

/**
 * One gateway, fifty readers of a kind, and a normal one.
 * @param {string} folder @param {'slowly' | 'as fast as they can'} how @param {number} seconds @param {Ledger} ledger
 */
async function measure(folder, how, seconds, ledger) {
  const gateway = await startGateway({
    folder,
    hasVault: false,
    plan: {
      slots: 64,
      context_length: 100_000,
      tokens: 60_000,
      gap_ms: GAP_MS,
      rules: [{ match: 'normal', tokens: TOKENS }],
    },
  });
  const url = await gateway.url;
  await gateway.ready();
  // What it is compiled and warm with is no growth.
  await readFor(url, ledger, 1);
  const restBytes = gateway.residentBytes;
  let mostBytes = restBytes;
  const sampler = setInterval(() => {
    mostBytes = Math.max(mostBytes, gateway.residentBytes);
  }, SAMPLE_MS);
  const others = startReaders(url, seconds + 1, how);
  // So that all of them are there from the first word that is measured.
  await gateway.until('reading', ({ worker }) => worker.running >= READERS);
  const gapsMs = await readFor(url, ledger, seconds);
  const readers = await others;
  clearInterval(sampler);
  await gateway.until('at rest', ({ worker, queue }) => worker.running + queue.running + queue.waiting === 0);
  const { faults } = await readLog(gateway.logFile);
  await gateway.stop();
  return { gapsMs, readers, grewBytes: mostBytes - restBytes, faults };
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
