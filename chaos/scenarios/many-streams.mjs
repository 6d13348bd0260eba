// G9: streams without end through one process, in every dialect, some of them left midway. What is left of its memory
// after a collection must be what it was after the first of them.
import { readdirSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { crowd } from '../clients.mjs';
import { startGateway } from '../gateway.mjs';
import { checkInvariants } from '../invariants.mjs';
import { Ledger } from '../ledger.mjs';
import { probe, probeEnvironment } from '../probe-client.mjs';

export const goal = 'G9';
export const title = 'streams of all dialects through one process';

const STREAMS = { full: 10_000, short: 600 };
const FIRST = { full: 1_000, short: 200 };
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
    return { heapUsed, listeners, descriptors: listDescriptors(gateway) };
  };
  const first = await streams(FIRST[scale]);
  say(`after ${ledger.entries.length} streams: ${spellMb(first.heapUsed)} MB`);
  // A file that is just being read is none that was forgotten.
  const isMore = () => listDescriptors(gateway).length > first.descriptors.length;
  const last = await streams(STREAMS[scale]);
  for (let tries = 0; tries < 50 && isMore(); tries++) await sleep(100);
  last.descriptors = listDescriptors(gateway);
  say(`after ${ledger.entries.length} streams: ${spellMb(last.heapUsed)} MB`);

  const { faults } = await checkInvariants(gateway, ledger);
  await gateway.stop();
  const growth = last.heapUsed / first.heapUsed - 1;
  if (growth > GROWTH[scale]) {
    faults.push(`the heap grew from ${spellMb(first.heapUsed)} to ${spellMb(last.heapUsed)} MB`);
  }
  if (last.listeners !== first.listeners)
    faults.push(`${first.listeners} listeners became ${last.listeners}`);
  const more = last.descriptors.length - first.descriptors.length;
  if (more > 0) faults.push(`${more} descriptors more: ${first.descriptors} became ${last.descriptors}`);
  return {
    tried: ledger.entries.length,
    failed: faults.length,
    faults,
    figures: {
      [`heap after ${FIRST[scale].toLocaleString('en')}`]: `${spellMb(first.heapUsed)} MB`,
      'at the end': `${spellMb(last.heapUsed)} MB`,
      descriptors: last.descriptors.length,
      'more than before': more,
      listeners: last.listeners,
    },
  };
}

/**
 * What it has open, without the files of the embedded database: that opens them as it grows and keeps them, as PostgreSQL
 * does.
 * @param {import('../gateway.mjs').Gateway} gateway
 */
function listDescriptors({ pid, folder }) {
  const fds = `/proc/${pid}/fd`;
  return readdirSync(fds)
    .map(fd => targetOf(path.join(fds, fd)))
    .filter(target => target !== null)
    .filter(target => !target.startsWith(path.join(folder, 'vault', path.sep)));
}

/** @param {string} link @returns {string | null} null when it was closed meanwhile */
function targetOf(link) {
  try {
    return readlinkSync(link);
  } catch {
    return null;
  }
}

/** @param {number} bytes */
function spellMb(bytes) {
  return (bytes / 1e6).toFixed(1);
}
