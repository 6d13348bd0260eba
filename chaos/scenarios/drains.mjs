// G13: the gateway is told to stop at random points: while it is idle, loads its model, streams, and while its line is
// full. Whoever was being answered must hear an end, and the process must be gone in time, with a whole log.
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { crowd } from '../clients.mjs';
import { spellMs } from '../figures.mjs';
import { anyLives, startGateway } from '../gateway.mjs';
import { checkInvariants } from '../invariants.mjs';
import { Ledger } from '../ledger.mjs';
import { between, createRandom, pick } from '../random.mjs';

export const goal = 'G13';
export const title = 'SIGTERM at random points: idle, loading, streaming, with a full line';

const SIGNALS = { full: 100, short: 4 };
const SHARDS = { full: 4, short: 2 };
/** Each of them in turn, so that every run has them all. */
const MOMENTS = /** @type {const} */ (['streaming', 'loading', 'full line', 'idle']);
const CLIENTS = { idle: 0, loading: 8, streaming: 16, 'full line': 48 };
const MAX_WAITING = 16;
const LONGEST_LIFE_MS = 600;
/** The usual drain is as long as the goal allows; with a short one answers are cut, too. */
const DRAINS_MS = /** @type {const} */ ([25_000, 400]);
/** Beside the drain; the embedded database is closed in it, which takes its time where the cores are shared. */
const SLACK_MS = { 25000: 1_000, 400: 5_000 };
const SECOND_SHARE = 0.3;
/** After it said that it heard the first: sooner, and it would be taken for the same wish (main.ts). */
const SECOND_AFTER_MS = 300;
/** Among the other tests the cores are shared. */
const SECOND_LIMIT_MS = { full: 1_000, short: 4_000 };
/** The code, or the message where there are no codes; plain text has neither. */
const CUT = /shutting_down|stopping|shutting down|^broken$/;
/** Answers that outlast a short drain, and a second signal. */
const LONG_TOKENS = 400;

/** @typedef {{ faults: string[], endsMs: number[], secondsMs: number[], requests: number, ended: number, told: number, unanswered: number }} Shard */

/** @param {import('../run-scenarios.mjs').RunOptions} options */
export async function run({ scale, random, folder, say, databaseUrl = null }) {
  const count = SIGNALS[scale] / SHARDS[scale];
  const shards = await Promise.all(
    Array.from({ length: SHARDS[scale] }, (_, number) =>
      runShard({
        count,
        first: number * count,
        random: createRandom(Math.floor(random() * 2 ** 32)),
        folder: path.join(folder, String(number)),
        databaseUrl,
        scale,
        say: line => say(`gateway ${number}: ${line}`),
      }),
    ),
  );
  const sum = (/** @type {(shard: Shard) => number} */ of) =>
    shards.reduce((total, shard) => total + of(shard), 0);
  const faults = shards.flatMap(shard => shard.faults);
  return {
    tried: SIGNALS[scale],
    failed: faults.length,
    faults,
    figures: {
      requests: sum(({ requests }) => requests),
      'answers that came to their end': sum(({ ended }) => ended),
      'told that the gateway stops': sum(({ told }) => told),
      'met a closed door': sum(({ unanswered }) => unanswered),
      'from the signal to the end, at most': spellMs(
        shards.flatMap(({ endsMs }) => endsMs),
        1,
      ),
      'from a second signal to the end, at most': spellMs(
        shards.flatMap(({ secondsMs }) => secondsMs),
        1,
      ),
    },
  };
}

/**
 * @param {{ count: number, first: number, random: import('../random.mjs').Random, folder: string, databaseUrl: string | null, scale: import('../run-scenarios.mjs').Scale, say: (line: string) => void }} options
 * @returns {Promise<Shard>}
 */
async function runShard({ count, first, random, folder, databaseUrl, scale, say }) {
  const ledger = new Ledger(random);
  /** @type {Shard} */
  const shard = { faults: [], endsMs: [], secondsMs: [], requests: 0, ended: 0, told: 0, unanswered: 0 };
  for (let round = 0; round < count; round++) {
    const moment = MOMENTS[(first + round) % MOMENTS.length] ?? 'idle';
    await runRound({ moment, ledger, shard, random, folder, databaseUrl, scale });
    if ((round + 1) % 10 === 0) say(`${round + 1} of ${count} signals, ${ledger.entries.length} requests`);
  }
  // Those who found the door closed have no answer that could have an end.
  const answered = ledger.entries.filter(
    ({ outcome, status }) => outcome !== 'unreached' && (outcome !== 'cut' || status !== null),
  );
  shard.requests = ledger.entries.length;
  shard.ended = answered.filter(({ outcome }) => outcome === 'completed').length;
  shard.told = answered.filter(({ outcome }) => outcome === 'failed' || outcome === 'refused').length;
  shard.unanswered = ledger.entries.length - answered.length;
  // The log of all these lives is one; a last one puts what is missing into the database, and is looked at.
  const last = await startGateway({ folder, databaseUrl });
  await last.ready();
  // Of an answer that is cut the log may have what was written as its client was told.
  ledger.entries = answered.map(entry =>
    entry.outcome === 'failed' && CUT.test(entry.code ?? '') ? { ...entry, outcome: 'left' } : entry,
  );
  shard.faults.push(...(await checkInvariants(last, ledger)).faults);
  await last.stop();
  return shard;
}

/**
 * @param {{ moment: typeof MOMENTS[number], ledger: Ledger, shard: Shard, random: import('../random.mjs').Random, folder: string, databaseUrl: string | null, scale: import('../run-scenarios.mjs').Scale }} options
 */
async function runRound({ moment, ledger, shard, random, folder, databaseUrl, scale }) {
  const drainMs = pick(random, DRAINS_MS);
  const isTwice = random() < SECOND_SHARE;
  const tokens = drainMs === DRAINS_MS[0] && !isTwice ? 30 : LONG_TOKENS;
  const gateway = await startGateway({
    folder,
    databaseUrl,
    plan: { slots: 4, tokens, gap_ms: 5, prefill_ms: 5, load_ms: moment === 'loading' ? 60_000 : 0 },
    env: {
      MINIVAULT_QUEUE_MAX_WAITING: String(MAX_WAITING),
      MINIVAULT_DRAIN_TIMEOUT_MS: String(drainMs),
    },
  });
  const url = await gateway.url;
  if (moment !== 'loading') await gateway.ready();
  let isOver = false;
  const load = crowd(url, {
    clients: CLIENTS[moment],
    ledger,
    random,
    tokens,
    leaveShare: 0.05,
    isOver: () => isOver,
  });
  await sleep(between(random, 0, LONGEST_LIFE_MS));
  if (moment === 'full line') await gateway.until('full', ({ queue }) => queue.waiting >= MAX_WAITING / 2);
  const tree = gateway.tree();
  const say = (/** @type {string} */ fault) =>
    shard.faults.push(`${moment}, drain of ${drainMs} ms: ${fault}`);
  let signalledAtMs = performance.now();
  gateway.signal('SIGTERM');
  isOver = true;
  const limitMs = isTwice ? SECOND_LIMIT_MS[scale] : drainMs + SLACK_MS[drainMs];
  if (isTwice) {
    const isHeard = () => gateway.console.some(line => line.includes('finishing running answers'));
    while (gateway.failure === null && !isHeard()) await sleep(10);
    await Promise.race([gateway.closed, sleep(SECOND_AFTER_MS)]);
    if (gateway.failure === null) {
      signalledAtMs = performance.now();
      gateway.signal('SIGTERM');
    }
  }
  await gateway.closed;
  const tookMs = performance.now() - signalledAtMs;
  (isTwice ? shard.secondsMs : shard.endsMs).push(tookMs);
  await load;
  if (tookMs > limitMs)
    say(`it was gone ${Math.round(tookMs)} ms after the ${isTwice ? 'second ' : ''}signal`);
  if (!/^it ended with exit code 0\b/.test(gateway.failure ?? '')) say(gateway.failure ?? 'it did not end');
  if (anyLives(tree)) say('something that it started lives');
}
