// G1: the worker is killed over and over while clients of all dialects ask. The engine is the fake one, whose answer
// repeats its prompt, so that a word of another answer would show.
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { crowd } from '../clients.mjs';
import { spellMs } from '../figures.mjs';
import { startGateway } from '../gateway.mjs';
import { checkInvariants } from '../invariants.mjs';
import { Ledger } from '../ledger.mjs';
import { between, createRandom } from '../random.mjs';
import { until, WorkerProcess } from '../worker-process.mjs';

export const goal = 'G1';
export const title = 'kill -9 of the worker at random points, under load of 32 clients a gateway';

const CLIENTS = 32;
/** Next to each other: most of a round is the wait before the restart. */
const GATEWAYS = { full: 4, short: 1 };
const KILLS = { full: 1_000, short: 12 };
const LONGEST_LIFE_MS = 200;
/** Killed while it loads; five in a row would open the circuit, which is G14's. */
const EARLY_SHARE = 0.15;
const MAX_EARLY = 3;
/** The code, or the message where there are no codes; plain text has neither. */
const KILLED = /worker_killed|killed by SIGKILL|^broken$/;
/** A test shares its machine: there the figure says nothing. */
const MAX_LAG_MS = { full: 1_000, short: 60_000 };

/** @param {import('../run-scenarios.mjs').RunOptions} options */
export async function run({ scale, random, folder, say, databaseUrl = null }) {
  const gateways = GATEWAYS[scale];
  const kills = KILLS[scale] / gateways;
  const shards = await Promise.all(
    Array.from({ length: gateways }, (_, number) =>
      runShard({
        kills,
        maxLagMs: MAX_LAG_MS[scale],
        // Its own chance: the shards' order in time must not decide what each draws.
        random: createRandom(Math.floor(random() * 2 ** 32)),
        folder: path.join(folder, String(number)),
        databaseUrl,
        say: line => say(`gateway ${number}: ${line}`),
      }),
    ),
  );
  const faults = shards.flatMap(shard => shard.faults);
  const lagsMs = shards.flatMap(shard => shard.lagsMs);
  const sum = (/** @type {(shard: Shard) => number} */ of) =>
    shards.reduce((total, shard) => total + of(shard), 0);
  return {
    tried: KILLS[scale],
    failed: faults.length,
    faults,
    figures: {
      requests: sum(({ requests }) => requests),
      completed: sum(({ completed }) => completed),
      'ended by a kill with their text kept': sum(({ cutShort }) => cutShort),
      'killed twice before their first word': sum(({ killedTwice }) => killedTwice),
      'queued prompts lost': sum(({ lost }) => lost),
      'next token after the restart, p99': spellMs(lagsMs, 0.99),
      'at most': spellMs(lagsMs, 1),
    },
  };
}

/**
 * @typedef {object} Shard
 * @property {string[]} faults
 * @property {number[]} lagsMs from a worker that is ready to the next word that a client reads
 * @property {number} requests
 * @property {number} completed
 * @property {number} cutShort
 * @property {number} killedTwice
 * @property {number} lost
 */

/**
 * @param {{ kills: number, maxLagMs: number, random: import('../random.mjs').Random, folder: string, databaseUrl: string | null, say: (line: string) => void }} options
 * @returns {Promise<Shard>}
 */
async function runShard({ kills, maxLagMs, random, folder, databaseUrl, say }) {
  const ledger = new Ledger(random);
  const gateway = await startGateway({
    folder,
    databaseUrl,
    plan: { slots: 16, tokens: 10, gap_ms: 2, prefill_ms: 5 },
    env: { MINIVAULT_LOG_MAX_BYTES: '1000000' },
  });
  const url = await gateway.url;
  await gateway.ready();
  const worker = new WorkerProcess(gateway);
  let isOver = false;
  let lastTextAtMs = 0;
  const load = crowd(url, {
    clients: CLIENTS,
    ledger,
    random,
    isOver: () => isOver,
    onText: () => {
      lastTextAtMs = performance.now();
    },
  });
  /** @type {number[]} */
  const lagsMs = [];
  let early = 0;
  try {
    for (let kill = 1; kill <= kills; kill++) {
      const isEarly = early < MAX_EARLY && random() < EARLY_SHARE;
      early = isEarly ? early + 1 : 0;
      if (!isEarly) {
        const readyAtMs = await worker.ready();
        await until(() => lastTextAtMs > readyAtMs, 'a word from the new worker');
        if (kill > 1) lagsMs.push(lastTextAtMs - readyAtMs);
      }
      await sleep(between(random, 0, LONGEST_LIFE_MS));
      await worker.kill();
      if (kill % 50 === 0) say(`${kill} of ${kills} kills, ${ledger.entries.length} requests`);
    }
    await worker.ready();
  } finally {
    isOver = true;
    await load;
  }
  const { faults } = await checkInvariants(gateway, ledger);
  const { log } = await gateway.health();
  if (log.torn_tails > 0) faults.push(`${log.torn_tails} torn lines`);
  await gateway.stop();

  const isTwice = (/** @type {import('../ledger.mjs').Entry} */ { outcome, text, code }) =>
    (outcome === 'failed' || outcome === 'refused') && text === '' && KILLED.test(code ?? '');
  const lost = ledger.entries.filter(
    entry =>
      (entry.outcome === 'refused' || (entry.outcome === 'failed' && entry.text === '')) && !isTwice(entry),
  );
  for (const entry of lost)
    faults.push(`a queued prompt was lost: ${entry.dialect} ${entry.status} ${entry.code}`);
  for (const lagMs of lagsMs) {
    if (lagMs > maxLagMs) faults.push(`the next token came ${Math.round(lagMs)} ms after the restart`);
  }
  const { completed } = ledger.counts();
  return {
    faults,
    lagsMs,
    requests: ledger.entries.length,
    completed,
    cutShort: ledger.entries.filter(({ outcome, text }) => outcome === 'failed' && text !== '').length,
    killedTwice: ledger.entries.filter(isTwice).length,
    lost: lost.length,
  };
}
