// G6: one call after the other at the gateway's boundaries fails, one a round, until a round has no such call any more.
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ask } from '../client.mjs';
import { DIALECTS } from '../dialects.mjs';
import { arm } from '../fault-points.mjs';
import { startGateway } from '../gateway.mjs';
import { checkDatabase, checkInvariants } from '../invariants.mjs';
import { Ledger } from '../ledger.mjs';
import { readLog } from '../log-files.mjs';
import { createDatabase } from '../own-database.mjs';
import { createRandom, pick } from '../random.mjs';
import { NotHere } from '../run-scenarios.mjs';
import { until } from '../worker-process.mjs';

export const goal = 'G6';
export const title = 'each call to files, database and worker fails once, one a round';

/** Every call, or every so many of them. */
const STEP = { full: 1, short: 11 };
const MAX_POINTS = 400;
const EXCHANGES = 4;
/** What must not stand in the console: somebody did not catch a failure. */
const UNFORESEEN = /unforeseen|unhandled|uncaught/i;
const SETTLE_MS = 60_000;

/** Rounds differ in what they do: only after so many in a row that did not get as far there are no more calls. */
const UNREACHED_IN_A_ROW = 5;

/**
 * `gateways`: share the calls. A database that is lost again and again is tried again ever later, so each of them mostly
 * waits.
 * @type {readonly { boundary: 'file' | 'database' | 'worker', code: string, gateways: number }[]}
 */
const KINDS = [
  { boundary: 'file', code: 'EIO', gateways: 1 },
  { boundary: 'file', code: 'ENOSPC', gateways: 1 },
  { boundary: 'database', code: 'ECONNRESET', gateways: 8 },
  { boundary: 'worker', code: 'EPIPE', gateways: 1 },
];

/** @typedef {import('../gateway.mjs').Gateway} Gateway */

/** @typedef {{ boundary: 'file' | 'database' | 'worker', code: string, first: number, step: number }} Shard of the calls, every so many of them */
/** @typedef {{ name: string, tried: number, requests: number, unforeseen: number, faults: string[] }} Tried */

/** @param {import('../run-scenarios.mjs').RunOptions} options */
export async function run({ scale, random, folder, say, databaseUrl }) {
  const shards = KINDS.flatMap(({ boundary, code, gateways }) => {
    const own = scale === 'full' ? gateways : 1;
    return Array.from({ length: own }, (_, at) => ({ boundary, code, first: at, step: STEP[scale] * own }));
  });
  const kinds = await Promise.all(
    shards.map(async (shard, number) => {
      const database = await quickDatabase(databaseUrl ?? undefined);
      try {
        return await tryPoints(shard, {
          random: createRandom(Math.floor(random() * 2 ** 32)),
          folder: path.join(folder, String(number)),
          databaseUrl: database?.url ?? null,
          say,
        });
      } finally {
        await database?.remove();
      }
    }),
  );
  const faults = kinds.flatMap(kind => kind.faults);
  const sum = (/** @type {(kind: Tried) => number} */ of) => kinds.reduce((all, kind) => all + of(kind), 0);
  return {
    tried: sum(({ tried }) => tried),
    failed: faults.length,
    faults,
    figures: {
      ...Object.fromEntries(
        kinds.map(({ name }) => [name, sum(kind => (kind.name === name ? kind.tried : 0))]),
      ),
      'failures nobody caught': sum(({ unforeseen }) => unforeseen),
      requests: sum(({ requests }) => requests),
    },
  };
}

/** A server, where there is one: the embedded database is opened anew after each broken connection, which takes seconds. @param {string} [server] */
async function quickDatabase(server) {
  try {
    return await createDatabase(server);
  } catch (error) {
    if (error instanceof NotHere) return null;
    throw error;
  }
}

/**
 * Its gateway goes on through all of them.
 * @param {Shard} shard
 * @param {{ random: import('../random.mjs').Random, folder: string, databaseUrl: string | null, say: (line: string) => void }} options
 * @returns {Promise<Tried>}
 */
async function tryPoints({ boundary, code, first, step }, { random, folder, databaseUrl, say }) {
  const name = `${boundary}, ${code}`;
  const socket = path.join(folder, 'shim.sock');
  const ledger = new Ledger(random);
  /** @type {string[]} */
  const unforeseen = [];
  const gateway = await startGateway({
    folder,
    databaseUrl,
    plan: { slots: EXCHANGES, tokens: 6, gap_ms: 1 },
    imports: [path.join(import.meta.dirname, '..', 'fault-shim.mjs')],
    // Rotated now and then: each file of the log is gone through by an erasure, so there must not be ever more of them.
    env: { CHAOS_SHIM: socket, MINIVAULT_LOG_MAX_BYTES: '200000' },
    onLine: line => {
      if (UNFORESEEN.test(line)) unforeseen.push(line);
    },
  });
  const url = await gateway.url;
  await gateway.ready();
  /** @type {string[]} */
  const faults = [];
  /** @type {import('../ledger.mjs').Entry[]} */
  const doomed = [];
  let tried = 0;
  let unreached = 0;
  for (let at = first; unreached < UNREACHED_IN_A_ROW && at < MAX_POINTS; at += step) {
    await arm(socket, { boundary, at, code });
    const wrong = await round(gateway, url, ledger, random, doomed);
    const { hit } = await arm(socket, null);
    await gateway.until('at rest after a fault', isAtRest, SETTLE_MS);
    faults.push(...wrong.map(fault => `${name}, call ${at} (${hit ?? 'not reached'}): ${fault}`));
    unreached = hit === null ? unreached + 1 : 0;
    if (hit !== null) tried += 1;
  }
  if (unreached < UNREACHED_IN_A_ROW) faults.push(`${name}: more than ${MAX_POINTS} calls`);
  say(`${name}, from call ${first} on, each ${step}: ${tried} failed, ${faults.length} faults`);
  faults.push(...unforeseen);
  // An erasure that was broken off is tried again every 10 s.
  const agrees = async () => (await checkDatabase(gateway, await readLog(gateway.logFile))).length === 0;
  await until(agrees, 'log and database agree', SETTLE_MS, 500);
  const { exchanges } = await readLog(gateway.logFile);
  ledger.entries = ledger.entries.filter(entry => !doomed.includes(entry) || exchanges.has(entry.id ?? ''));
  const checked = await checkInvariants(gateway, ledger, { hasErased: true });
  await gateway.stop();
  faults.push(...checked.faults);
  return { name, tried, requests: ledger.entries.length, unforeseen: unforeseen.length, faults };
}

/** @param {any} health */
function isAtRest({ worker, queue, log, vault }) {
  const isQuiet = worker.running + queue.running + queue.waiting === 0;
  return (
    isQuiet &&
    worker.state === 'ready' &&
    !log.degraded &&
    vault.state === 'ready' &&
    vault.behind_bytes === 0
  );
}

/**
 * What a gateway does in a day: answers, one of them read again, one erased, one left.
 * @param {Gateway} gateway @param {string} url @param {Ledger} ledger @param {import('../random.mjs').Random} random
 * @param {import('../ledger.mjs').Entry[]} doomed are erased, or will be once the fault has passed
 * @returns {Promise<string[]>} what is wrong with it
 */
async function round(gateway, url, ledger, random, doomed) {
  const asked = Array.from({ length: EXCHANGES }, (_, number) =>
    ask(url, ledger, {
      dialect: pick(random, DIALECTS),
      tokens: 6,
      ...(number === 0 ? { leaveAfterPieces: 2 } : {}),
    }),
  );
  const entries = await Promise.all(asked);
  // The database follows the log.
  await sleep(20);
  /** @type {string[]} */
  const wrong = [];
  const history = await gateway.get('/history?limit=5');
  if (history.status !== 200 && history.status !== 503)
    wrong.push(`GET /history: ${history.status} ${history.body}`);
  const erased = entries.find(({ outcome, id }) => outcome === 'completed' && id !== null);
  if (erased !== undefined) {
    const { status, body } = await gateway.get(`/history/${erased.id}`, {}, 'DELETE');
    if (![204, 404, 503].includes(status)) wrong.push(`DELETE /history: ${status} ${body}`);
    const { exchanges } = await readLog(gateway.logFile);
    if (status === 204 && exchanges.has(erased.id ?? '')) {
      wrong.push('it says that it has erased what is still in the log');
    }
    doomed.push(erased);
  }
  for (const { outcome, text, code, dialect } of entries) {
    const isLost = outcome !== 'completed' && outcome !== 'left' && !(outcome === 'failed' && text !== '');
    if (isLost) wrong.push(`${dialect} was told ${outcome}: ${code}`);
  }
  if (gateway.failure !== null) throw new Error(`the gateway died: ${gateway.failure}`);
  return wrong;
}
