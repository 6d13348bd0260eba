// G15: the disk of the log is full while exchanges go on, and has room again later.
import { execFile, execFileSync } from 'node:child_process';
import { mkdir, open, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { startGateway } from '../gateway.mjs';
import { checkInvariants } from '../invariants.mjs';
import { Ledger } from '../ledger.mjs';
import { NotHere } from '../run-scenarios.mjs';
import { failedOf, spreadLoad } from '../spread-load.mjs';

const command = promisify(execFile);

export const goal = 'G15';
export const title = "the log's disk (a tmpfs) is full for 60 s while 200 exchanges go on";
export const isIdle = true;

const FULL_MS = { full: 60_000, short: 4_000 };
const EXCHANGES = { full: 200, short: 24 };
/** Of them asked before it is full, and after. */
const OUTSIDE_SHARE = 0.1;
const DISK = '2m';

/** @param {import('../run-scenarios.mjs').RunOptions} options @throws {NotHere} where nothing may be mounted */
export async function run({ scale, random, folder, say, databaseUrl = null }) {
  const disk = path.join(folder, 'disk');
  await mkdir(disk, { recursive: true });
  try {
    await command('mount', ['-t', 'tmpfs', '-o', `size=${DISK}`, 'tmpfs', disk]);
  } catch (error) {
    throw new NotHere(`no tmpfs may be mounted: ${String(error).split('\n')[0]}`);
  }
  const unmount = () => execFileSync('umount', ['--lazy', disk]);
  process.once('exit', unmount);
  try {
    const logFile = path.join(disk, 'log.jsonl');
    const gateway = await startGateway({ folder, logFile, databaseUrl, plan: { slots: 8, gap_ms: 5 } });
    const url = await gateway.url;
    await gateway.ready();
    const ledger = new Ledger(random);
    const outside = Math.round(EXCHANGES[scale] * OUTSIDE_SHARE);
    const ask = (/** @type {number} */ count, /** @type {number} */ overMs) =>
      spreadLoad(url, ledger, { count, overMs, random });
    await ask(outside, 1_000);
    const filler = path.join(disk, 'filler');
    await fill(filler);
    say('the disk is full');
    await ask(EXCHANGES[scale] - 2 * outside, FULL_MS[scale]);
    const { log, status } = await gateway.health();
    await rm(filler);
    say(`the disk has room again; ${log.spooled} lines waited in memory`);
    await ask(outside, 1_000);
    const { faults, logged } = await checkInvariants(gateway, ledger);
    await gateway.stop();
    if (!log.degraded || status !== 'degraded') faults.push(`/health did not say so: ${status}`);
    const failed = failedOf(ledger.entries);
    return {
      tried: EXCHANGES[scale],
      failed: failed.length + Math.max(0, EXCHANGES[scale] - logged),
      faults: [...failed, ...faults],
      figures: {
        'streams whole': EXCHANGES[scale] - failed.length,
        'lines in the log': logged,
        'waited in memory': log.spooled,
      },
    };
  } finally {
    process.off('exit', unmount);
    unmount();
  }
}

/** Until there is not one byte left. @param {string} file */
async function fill(file) {
  const handle = await open(file, 'w');
  try {
    for (let size = 65_536; size >= 1; ) {
      const { bytesWritten } = await handle.write(Buffer.alloc(size)).catch(() => ({ bytesWritten: 0 }));
      if (bytesWritten < size) size = Math.floor(size / 2);
    }
  } finally {
    await handle.close();
  }
}
