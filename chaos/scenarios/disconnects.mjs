// G7: clients that leave at every token of every streaming dialect, with another one waiting behind them. The worker must
// be told at once, what was said must be in the log, and who waits must get their turn.
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ask } from '../client.mjs';
import { DIALECTS, SIMPLE_NDJSON } from '../dialects.mjs';
import { spellMs } from '../figures.mjs';
import { startGateway } from '../gateway.mjs';
import { checkInvariants } from '../invariants.mjs';
import { Ledger } from '../ledger.mjs';
import { readLog } from '../log-files.mjs';
import { createRandom, pick, wholeBetween } from '../random.mjs';
import { askTwoStep } from '../two-step-client.mjs';

export const goal = 'G7';
export const title = 'disconnect at every token from 0 to 200, in every streaming dialect';

const TWO_STEP = 'job-sse';
const GATEWAYS = { full: 6, short: 3 };
const LAST_TOKEN = 200;
const TOKENS = 4_000;
const TOLD_MS = 100;
const TOLD_TOKENS = 1;
const NEXT_MS = 250;
/** @type {readonly ('fin' | 'rst')[]} */
const WAYS = ['fin', 'rst'];
/** What is late may be so because the machine is: it is late only if it is so each time, the last times alone. */
const PASSES = 3;

/** @typedef {{ dialect: import('../dialects.mjs').Dialect | null, token: number, leaveBy: 'fin' | 'rst' }} Leaving dialect null: the two-step chat */
/** @typedef {import('../ledger.mjs').Entry} Entry */
/** @typedef {{ leaving: Leaving, entry: Entry, nextMs: number }} Left */
/** @typedef {{ gateway: import('../gateway.mjs').Gateway, url: string, ledger: Ledger }} Shard */

/** @param {import('../run-scenarios.mjs').RunOptions} options */
export async function run({ scale, random, folder, say }) {
  const shards = await Promise.all(
    Array.from({ length: GATEWAYS[scale] }, (_, number) =>
      startShard(path.join(folder, String(number)), createRandom(Math.floor(random() * 2 ** 32))),
    ),
  );
  const leavings = listLeavings(scale, random);
  /** @type {string[]} */
  const faults = [];
  let late = leavings;
  let again = 0;
  /** @type {{ toldMs: number, nextMs: number }[]} */
  let measured = [];
  for (let pass = 0; pass < PASSES && late.length > 0; pass++) {
    const used = pass === 0 ? shards : shards.slice(0, 1);
    const judged = (
      await Promise.all(
        used.map((shard, at) =>
          leaveAll(
            shard,
            late.filter((_, i) => i % used.length === at),
            faults,
          ),
        ),
      )
    ).flat();
    late = judged.filter(({ isLate }) => isLate).map(({ leaving }) => leaving);
    measured = [...measured, ...judged.filter(({ isLate }) => !isLate || pass === PASSES - 1)];
    if (pass < PASSES - 1) again += late.length;
    say(`${judged.length} left, ${late.length} of them late`);
  }
  for (const { dialect, token, leaveBy } of late) {
    faults.push(`late each time: ${dialect?.name ?? TWO_STEP} at token ${token}, by ${leaveBy}`);
  }
  for (const { gateway, ledger } of shards) {
    faults.push(...(await checkInvariants(gateway, ledger)).faults);
    await gateway.stop();
  }
  const told = measured.map(({ toldMs }) => toldMs);
  const next = measured.map(({ nextMs }) => nextMs);
  return {
    tried: leavings.length,
    failed: faults.length,
    faults,
    figures: {
      dialects: DIALECTS.length + 1,
      'worker told, p99': spellMs(told, 0.99),
      'next prompt answered, p99': spellMs(next, 0.99),
      'at most': spellMs(next, 1),
      'tried once more, since the machine was busy': again,
    },
  };
}

/** @param {string} folder @param {import('../random.mjs').Random} random @returns {Promise<Shard>} */
async function startShard(folder, random) {
  const gateway = await startGateway({
    folder,
    hasVault: false,
    plan: { slots: 1, tokens: TOKENS, gap_ms: 3, prefill_ms: 10 },
    env: { MINIVAULT_RESUME_GRACE_MS: '0' },
  });
  await gateway.ready();
  return { gateway, url: await gateway.url, ledger: new Ledger(random) };
}

/** @param {'full' | 'short'} scale @param {import('../random.mjs').Random} random @returns {Leaving[]} */
function listLeavings(scale, random) {
  const all = Array.from({ length: LAST_TOKEN + 1 }, (_, token) => token);
  return [...DIALECTS, null].flatMap(dialect => {
    const tokens = scale === 'full' ? all : [0, 1, wholeBetween(random, 2, LAST_TOKEN / 4)];
    return tokens.map(token => ({
      dialect,
      token,
      leaveBy: pick(random, WAYS),
    }));
  });
}

/** One after the other. @param {Shard} shard @param {readonly Leaving[]} leavings @param {string[]} faults */
async function leaveAll({ gateway, url, ledger }, leavings, faults) {
  /** @type {Left[]} */
  const left = [];
  for (const leaving of leavings) left.push(await leave(url, ledger, leaving));
  await gateway.until('at rest', ({ worker, queue }) => worker.running + queue.running + queue.waiting === 0);
  const { exchanges } = await readLog(gateway.logFile);
  const byPrompt = new Map([...exchanges.values()].map(exchange => [exchange.prompt, exchange]));
  return left.map(({ leaving, entry, nextMs }) => {
    const logged = byPrompt.get(entry.prompt);
    const where = `${entry.dialect} at token ${leaving.token} by ${leaving.leaveBy}`;
    if (entry.outcome !== 'left') faults.push(`${where}: ${entry.outcome}, not left`);
    if (logged === undefined && entry.text !== '') faults.push(`${where}: not in the log`);
    if (logged !== undefined && logged.status !== 'cancelled')
      faults.push(`${where}: ${logged.status} in the log`);
    const { toldMs, tokens } = logged === undefined ? { toldMs: 0, tokens: 0 } : lagOf(entry, logged);
    const isLate = (toldMs > TOLD_MS && tokens > TOLD_TOKENS) || nextMs > NEXT_MS;
    return { leaving, toldMs, nextMs, isLate };
  });
}

/** What the worker still said, and for how long, after its client had left. @param {Entry} entry @param {import('../log-files.mjs').Logged & { timestamp?: string }} logged */
function lagOf({ text, endedAtMs }, { response, timestamp = '' }) {
  const words = (/** @type {string} */ said) => (said.trim() === '' ? 0 : said.trim().split(/\s+/).length);
  return {
    tokens: words(response) - words(text),
    toldMs: Math.max(0, Date.parse(timestamp) - (performance.timeOrigin + (endedAtMs ?? 0))),
  };
}

/** @param {string} url @param {Ledger} ledger @param {Leaving} leaving @returns {Promise<Left>} */
async function leave(url, ledger, { dialect, token, leaveBy }) {
  const options = { tokens: TOKENS, leaveAfterPieces: token, leaveBy };
  const first =
    dialect === null ? askTwoStep(url, ledger, options) : ask(url, ledger, { dialect, ...options });
  const entry = /** @type {Entry} */ (ledger.entries.at(-1));
  // So that the next one waits behind it: who has an answer's head, or submitted a job, is in the line.
  while ((dialect === null ? entry.id : entry.status) === null && entry.endedAtMs === null) await sleep(1);
  const next = await ask(url, ledger, { dialect: SIMPLE_NDJSON, tokens: 1 });
  await first;
  const beganMs = Math.max(entry.endedAtMs ?? 0, next.askedAtMs);
  return {
    leaving: { dialect, token, leaveBy },
    entry,
    nextMs: (next.firstTextAtMs ?? Number.POSITIVE_INFINITY) - beganMs,
  };
}
