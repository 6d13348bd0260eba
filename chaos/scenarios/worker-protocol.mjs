// G10: half a gigabyte of the worker's protocol through one pipe, of one worker, as a day of it would bring.
import { Agent } from 'node:http';
import { ask } from '../client.mjs';
import { SIMPLE_NDJSON } from '../dialects.mjs';
import { startGateway } from '../gateway.mjs';
import { checkEntries } from '../invariants.mjs';
import { Ledger } from '../ledger.mjs';
import { probe, probeEnvironment } from '../probe-client.mjs';

export const goal = 'G10';
export const title = '500 MB of the worker’s protocol through one worker';

const MEGABYTES = { full: 750, short: 40 };
/** Memory is compared with what it was after these. */
const WARM_UP = { full: 250, short: 20 };
const CLIENTS = 4;
const TOKENS = 200;
/** Letters of a word, of which the fake engine makes a token. An answer stays below what a stream may leave unread. */
const WORD = 4_000;
/** Memory that is given back is no fault. In a few seconds, what the collector has not come to yet is no leak. */
const GROWTH_BYTES = { full: 20e6, short: 80e6 };

/** @param {import('../run-scenarios.mjs').RunOptions} options */
export async function run({ scale, random, folder, say }) {
  const gateway = await startGateway({
    folder,
    hasVault: false,
    plan: { slots: CLIENTS, tokens: TOKENS },
    env: probeEnvironment(folder),
  });
  const url = await gateway.url;
  const { worker: before } = await gateway.ready().then(() => gateway.health());
  const ledger = new Ledger(random);
  /** @type {string[]} */
  const faults = [];
  let bytes = 0;
  const relay = async (/** @type {number} */ megabytes) => {
    const client = async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      while (bytes < megabytes * 1e6) {
        const entry = await ask(url, ledger, {
          dialect: SIMPLE_NDJSON,
          tokens: TOKENS,
          prompt: 'w'.repeat(WORD),
          agent,
        });
        bytes += entry.bytes;
        faults.push(...checkEntries([entry], { mayCut: false }));
        // It is judged, and half a gigabyte need not be kept.
        entry.text = '';
        if (entry.outcome !== 'completed') faults.push(`an answer ${entry.outcome}: ${entry.code}`);
        if (faults.length > 0) break;
      }
      agent.destroy();
    };
    await Promise.all(Array.from({ length: CLIENTS }, client));
    await gateway.until('at rest', ({ worker }) => worker.running === 0);
    const { rss } = await probe(folder);
    const { worker } = await gateway.health();
    say(
      `after ${Math.round(bytes / 1e6)} MB: ${Math.round(rss / 1e6)} MB, its worker ${Math.round(worker.rss_bytes / 1e6)} MB`,
    );
    return { rss, worker };
  };
  const first = await relay(WARM_UP[scale]);
  const last = await relay(MEGABYTES[scale]);

  const growth = last.rss - first.rss;
  const workerGrowth = last.worker.rss_bytes - first.worker.rss_bytes;
  if (growth > GROWTH_BYTES[scale])
    faults.push(`the gateway's memory grew by ${Math.round(growth / 1e6)} MB`);
  if (workerGrowth > GROWTH_BYTES[scale])
    faults.push(`the worker's memory grew by ${Math.round(workerGrowth / 1e6)} MB`);
  if (last.worker.pid !== before.pid) faults.push('the worker is another one');
  if (Object.keys(last.worker.protocol_faults).length > 0) {
    faults.push(`faults of the protocol: ${JSON.stringify(last.worker.protocol_faults)}`);
  }
  await gateway.stop();
  return {
    tried: ledger.entries.length,
    failed: faults.length,
    faults,
    figures: {
      MB: Math.round(bytes / 1e6),
      'memory grew by': `${(growth / 1e6).toFixed(1)} MB`,
      'of the worker': `${(workerGrowth / 1e6).toFixed(1)} MB`,
      restarts: last.worker.restarts - before.restarts,
    },
  };
}
