// A number of exchanges spread over a time: what goes on while something else is away. Knows no fault.
import { setTimeout as sleep } from 'node:timers/promises';
import { ask } from './client.mjs';
import { DIALECTS } from './dialects.mjs';
import { pick } from './random.mjs';

/**
 * Resolves with all of them when the last has ended.
 * @param {string} url @param {import('./ledger.mjs').Ledger} ledger
 * @param {{ count: number, overMs: number, random: import('./random.mjs').Random, tokens?: number }} options
 */
export async function spreadLoad(url, ledger, { count, overMs, random, tokens = 8 }) {
  /** @type {Promise<import('./ledger.mjs').Entry>[]} */
  const asked = [];
  const beganMs = performance.now();
  for (let number = 0; number < count; number++) {
    await sleep(Math.max(0, beganMs + (overMs * number) / count - performance.now()));
    asked.push(ask(url, ledger, { dialect: pick(random, DIALECTS), tokens }));
  }
  return Promise.all(asked);
}

/** What is wrong with streams that nothing should have touched. @param {readonly import('./ledger.mjs').Entry[]} entries */
export function failedOf(entries) {
  return entries
    .filter(({ outcome }) => outcome !== 'completed')
    .map(({ number, dialect, outcome, code }) => `stream ${number}, ${dialect}, ${outcome}: ${code}`);
}
