// G16: PostgreSQL is away while exchanges go on: its port is closed and every connection broken.
import { openDatabaseProxy } from '../database-proxy.mjs';
import { startGateway } from '../gateway.mjs';
import { checkInvariants } from '../invariants.mjs';
import { Ledger } from '../ledger.mjs';
import { createDatabase } from '../own-database.mjs';
import { failedOf, spreadLoad } from '../spread-load.mjs';

export const goal = 'G16';
export const title = 'PostgreSQL is away for 60 s while 500 exchanges go on';
export const isIdle = true;

const AWAY_MS = { full: 60_000, short: 4_000 };
const EXCHANGES = { full: 500, short: 40 };
/** Of them asked before it goes, and after. */
const OUTSIDE_SHARE = 0.1;
const BACK_WITHIN_MS = 30_000;

/** @param {import('../run-scenarios.mjs').RunOptions} options */
export async function run({ scale, random, folder, say, databaseUrl = null }) {
  const database = await createDatabase(databaseUrl ?? undefined);
  const proxy = await openDatabaseProxy(database.url);
  try {
    const gateway = await startGateway({ folder, databaseUrl: proxy.url, plan: { slots: 8, gap_ms: 5 } });
    const url = await gateway.url;
    await gateway.ready();
    const ledger = new Ledger(random);
    const outside = Math.round(EXCHANGES[scale] * OUTSIDE_SHARE);
    const ask = (/** @type {number} */ count, /** @type {number} */ overMs) =>
      spreadLoad(url, ledger, { count, overMs, random });
    await ask(outside, 1_000);
    await proxy.shut();
    say('PostgreSQL is away');
    await ask(EXCHANGES[scale] - 2 * outside, AWAY_MS[scale]);
    const history = await gateway.get('/history');
    await proxy.open();
    const backAtMs = performance.now();
    say('PostgreSQL is back');
    const isWhole = (/** @type {any} */ { vault }) => vault.state === 'ready' && vault.behind_bytes === 0;
    await gateway.until('whole again', isWhole);
    const caughtUpMs = performance.now() - backAtMs;
    await ask(outside, 1_000);
    const { faults, logged } = await checkInvariants(gateway, ledger);
    await gateway.stop();
    if (history.status !== 503) faults.push(`the history answered ${history.status} without its database`);
    if (caughtUpMs > BACK_WITHIN_MS) faults.push(`all rows were there after ${Math.round(caughtUpMs)} ms`);
    const failed = failedOf(ledger.entries);
    return {
      tried: EXCHANGES[scale],
      failed: failed.length + Math.max(0, EXCHANGES[scale] - logged),
      faults: [...failed, ...faults],
      figures: {
        'streams whole': EXCHANGES[scale] - failed.length,
        'lines and rows': logged,
        'all rows there after its return': `${(caughtUpMs / 1000).toFixed(1)} s`,
      },
    };
  } finally {
    await proxy.close();
    await database.remove();
  }
}
