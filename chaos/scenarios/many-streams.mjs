// G9: streams without end through one process, in every dialect, some of them left midway. What is left of its memory
// after a collection must be what it was after the first of them.
import { crowd } from '../clients.mjs';
import { startGateway } from '../gateway.mjs';
import { checkInvariants } from '../invariants.mjs';
import { Ledger } from '../ledger.mjs';
import { probe, probeEnvironment } from '../probe-client.mjs';

export const goal = 'G9';
export const title = 'streams of all dialects through one process';

const STREAMS = { full: 10_000, short: 900 };
const FIRST = { full: 1_000, short: 300 };
/** What is compiled and cached late weighs more after few streams. */
const GROWTH = { full: 0.05, short: 0.1 };
const CLIENTS = 16;

/** @param {import('../run-scenarios.mjs').RunOptions} options */
export async function run({ scale, random, folder, say, databaseUrl = null }) {
  const gateway = await startGateway({
    folder,
    databaseUrl,
    plan: { slots: 16, tokens: 10 },
    env: { MINIVAULT_RESUME_GRACE_MS: '0', ...probeEnvironment(folder) },
  });
  const url = await gateway.url;
  await gateway.ready();
  const ledger = new Ledger(random);
  const streams = async (/** @type {number} */ upTo) => {
    await crowd(url, {
      clients: CLIENTS,
      ledger,
      random,
      tokens: 10,
      isOver: () => ledger.entries.length >= upTo,
    });
    await gateway.until('at rest', async ({ worker, queue, vault }) => {
      const isIdle = worker.running + queue.running + queue.waiting === 0 && vault.behind_bytes === 0;
      return isIdle && (await gateway.connections()) === 0;
    });
    const { heapUsed, listeners } = await probe(folder);
    return { heapUsed, listeners, descriptors: gateway.descriptors };
  };
  const first = await streams(FIRST[scale]);
  say(`after ${ledger.entries.length} streams: ${spellMb(first.heapUsed)} MB`);
  const last = await streams(STREAMS[scale]);
  say(`after ${ledger.entries.length} streams: ${spellMb(last.heapUsed)} MB`);

  const { faults } = await checkInvariants(gateway, ledger);
  await gateway.stop();
  const growth = last.heapUsed / first.heapUsed - 1;
  if (growth > GROWTH[scale]) {
    faults.push(`the heap grew from ${spellMb(first.heapUsed)} to ${spellMb(last.heapUsed)} MB`);
  }
  for (const what of /** @type {const} */ (['listeners', 'descriptors'])) {
    if (last[what] !== first[what]) faults.push(`${first[what]} ${what} became ${last[what]}`);
  }
  return {
    tried: ledger.entries.length,
    failed: faults.length,
    faults,
    figures: {
      [`heap after ${FIRST[scale].toLocaleString('en')}`]: `${spellMb(first.heapUsed)} MB`,
      'at the end': `${spellMb(last.heapUsed)} MB`,
      descriptors: last.descriptors,
      'more than before': last.descriptors - first.descriptors,
    },
  };
}

/** @param {number} bytes */
function spellMb(bytes) {
  return (bytes / 1e6).toFixed(1);
}
