// G3: the gateway itself is killed over and over, while it answers and while it starts; after each start the log, the
// database and what the clients were told must agree.
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { crowd } from '../clients.mjs';
import { anyLives, startGateway } from '../gateway.mjs';
import { checkDatabase, checkEntries, checkInvariants, checkLog } from '../invariants.mjs';
import { Ledger } from '../ledger.mjs';
import { readLog } from '../log-files.mjs';
import { createDatabase } from '../own-database.mjs';
import { between, createRandom } from '../random.mjs';

export const goal = 'G3';
export const title = 'kill -9 of the gateway, while it answers 16 clients and while it starts';

const GATEWAYS = { full: 4, short: 1 };
const KILLS = { full: 200, short: 4 };
const CLIENTS = 16;
/** Every so many is killed while it starts. */
const EARLY_EVERY = 4;
/** How long a worker may outlive its gateway. */
const ORPHAN_MS = 2_000;
const PLAN = { slots: 16, tokens: 10, gap_ms: 2 };

/** @typedef {import('../gateway.mjs').Gateway} Gateway */
/** @typedef {{ faults: string[], slowestOrphanMs: number, slowestStartMs: number, tornTails: number, completed: number, logged: number }} Shard */

/** @param {import('../run-scenarios.mjs').RunOptions} options */
export async function run({ scale, random, folder, say, databaseUrl = null }) {
  const gateways = GATEWAYS[scale];
  const kills = KILLS[scale] / gateways;
  const shards = await Promise.all(
    Array.from({ length: gateways }, async (_, number) => {
      const database = databaseUrl === null ? null : await createDatabase(databaseUrl);
      const shard = await runShard({
        kills,
        random: createRandom(Math.floor(random() * 2 ** 32)),
        folder: path.join(folder, String(number)),
        databaseUrl: database?.url ?? null,
        say: line => say(`gateway ${number}: ${line}`),
      });
      await database?.remove();
      return shard;
    }),
  );
  const faults = shards.flatMap(shard => shard.faults);
  const sum = (/** @type {(shard: Shard) => number} */ of) =>
    shards.reduce((all, shard) => all + of(shard), 0);
  const most = (/** @type {(shard: Shard) => number} */ of) => Math.max(...shards.map(of));
  return {
    tried: KILLS[scale],
    failed: faults.length,
    faults,
    figures: {
      'answers acknowledged': sum(({ completed }) => completed),
      'of them lost': faults.filter(fault => fault.includes('I4: completed')).length,
      'lines in the log': sum(({ logged }) => logged),
      'torn lines mended': sum(({ tornTails }) => tornTails),
      'longest life of an orphan': `${Math.round(most(({ slowestOrphanMs }) => slowestOrphanMs))} ms`,
      'slowest start': `${Math.round(most(({ slowestStartMs }) => slowestStartMs))} ms`,
    },
  };
}

/**
 * @param {{ kills: number, random: import('../random.mjs').Random, folder: string, databaseUrl: string | null, say: (line: string) => void }} options
 * @returns {Promise<Shard>}
 */
async function runShard({ kills, random, folder, databaseUrl, say }) {
  const ledger = new Ledger(random);
  /** @type {Shard} */
  const shard = { faults: [], slowestOrphanMs: 0, slowestStartMs: 0, tornTails: 0, completed: 0, logged: 0 };
  const start = () =>
    startGateway({ folder, databaseUrl, plan: PLAN, env: { MINIVAULT_LOG_MAX_BYTES: '1000000' } });
  for (let kill = 1; kill <= kills; kill++) {
    const beganMs = performance.now();
    const gateway = await start();
    if (kill % EARLY_EVERY === 0) {
      await Promise.race([gateway.url, sleep(between(random, 0, 2_000))]);
    } else {
      const url = await gateway.url;
      shard.slowestStartMs = Math.max(shard.slowestStartMs, performance.now() - beganMs);
      shard.faults.push(...(await lookAt(gateway, ledger, shard)).map(fault => `kill ${kill}: ${fault}`));
      const load = crowd(url, { clients: CLIENTS, ledger, random, isOver: () => gateway.failure !== null });
      await sleep(between(random, 50, 800));
      await killGateway(gateway, kill, shard);
      await load;
    }
    await killGateway(gateway, kill, shard);
    if (kill % 10 === 0) say(`${kill} of ${kills} kills, ${ledger.entries.length} requests`);
  }
  const last = await start();
  await last.url;
  shard.faults.push(...(await lookAt(last, ledger, shard)));
  const { faults, logged } = await checkInvariants(last, ledger, { mayCut: true });
  await last.stop();
  shard.faults.push(...faults);
  return { ...shard, logged, completed: ledger.counts().completed };
}

/** What can be found out now that the gateway is back. @param {Gateway} gateway @param {Ledger} ledger @param {Shard} shard */
async function lookAt(gateway, ledger, shard) {
  const { log } = await gateway.until('ready, with all of the log in its database', ({ worker, vault }) => {
    return worker.state === 'ready' && vault.state === 'ready' && vault.behind_bytes === 0;
  });
  shard.tornTails += log.torn_tails;
  const read = await readLog(gateway.logFile);
  return [
    ...read.faults,
    ...checkEntries(ledger.entries, { mayCut: true }),
    ...checkLog(ledger.entries, read, { mayCut: true }),
    ...(await checkDatabase(gateway, read)),
  ];
}

/** @param {Gateway} gateway @param {number} kill @param {Shard} shard */
async function killGateway(gateway, kill, shard) {
  if (gateway.failure !== null) return;
  const orphans = await gateway.kill();
  const killedAtMs = performance.now();
  while (anyLives(orphans) && performance.now() - killedAtMs < ORPHAN_MS * 2) await sleep(20);
  const livedMs = performance.now() - killedAtMs;
  shard.slowestOrphanMs = Math.max(shard.slowestOrphanMs, livedMs);
  if (livedMs > ORPHAN_MS) {
    shard.faults.push(`kill ${kill}: what the gateway had started lived on for ${Math.round(livedMs)} ms`);
  }
}
