// One set-up at a time in one folder. Knows nothing of what is done under the lock.
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, nameProcess } from './process-identity.mjs';

// Claims are files lock.1, lock.2, …; the highest one counts and is never removed, only outbid by the next number once
// its process has released it or is dead. So two that see the same dead holder cannot both win: creating a name is
// exclusive, and whoever created one checks that it is still the highest.

/** @typedef {import('./process-identity.mjs').ProcessName & {released: boolean}} Claim */

/** A claim is created and then written; one that stays empty for longer was left by a process killed in between. */
const UNWRITTEN_MS = 2_000;
const POLL_MS = 100;

/**
 * Waits for the lock and takes it; a live holder is never robbed.
 * @param {string} folder exists and is writable
 * @param {(pid: number) => void} onWait called once for each process that is waited for
 * @returns {Promise<() => void>} releases it
 */
export async function acquireLock(folder, onWait) {
  let told = 0;
  for (;;) {
    const { top, holder } = readTop(folder);
    if (holder !== null) {
      if (holder > 0 && holder !== told) onWait(holder);
      told = holder;
      await sleep(POLL_MS);
      continue;
    }
    const mine = top + 1;
    if (!publish(claimFile(folder, mine))) continue;
    if (highestNumber(folder) !== mine) {
      rmSync(claimFile(folder, mine), { force: true });
      continue;
    }
    for (const number of claimNumbers(folder)) {
      if (number < mine) rmSync(claimFile(folder, number), { force: true });
    }
    return () => release(claimFile(folder, mine));
  }
}

/**
 * The process whose set-up runs now, null when none does.
 * @param {string} folder
 * @returns {number | null}
 */
export function lockHolder(folder) {
  return existsSync(folder) ? readTop(folder).holder || null : null;
}

/** @param {string} folder */
function readTop(folder) {
  const top = highestNumber(folder);
  return { top, holder: top === 0 ? null : readHolder(claimFile(folder, top)) };
}

/**
 * @param {string} folder
 * @param {number} number
 */
function claimFile(folder, number) {
  return path.join(folder, `lock.${number}`);
}

/** @param {string} folder */
function claimNumbers(folder) {
  return readdirSync(folder).flatMap(name => {
    const number = /^lock\.(\d+)$/.exec(name)?.[1];
    return number === undefined ? [] : [Number(number)];
  });
}

/** @param {string} folder */
function highestNumber(folder) {
  return Math.max(0, ...claimNumbers(folder));
}

/**
 * The process that holds this claim: null when nobody does, 0 when it is not yet known.
 * @param {string} file
 */
function readHolder(file) {
  try {
    const text = readFileSync(file, 'utf8');
    if (text === '') return Date.now() - statSync(file).mtimeMs > UNWRITTEN_MS ? null : 0;
    /** @type {Claim} */
    const claim = JSON.parse(text);
    return claim.released || !isAlive(claim) ? null : claim.pid;
  } catch (error) {
    // Outbid since, or half written by a process that a crash of the machine ended.
    if (error instanceof SyntaxError) return null;
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT') return 0;
    throw error;
  }
}

/** @param {string} file */
function publish(file) {
  try {
    writeFileSync(file, JSON.stringify({ ...nameProcess(process.pid), released: false }), { flag: 'wx' });
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'EEXIST') return false;
    throw error;
  }
}

/** @param {string} file */
function release(file) {
  const draft = `${file}.released`;
  writeFileSync(draft, JSON.stringify({ ...nameProcess(process.pid), released: true }));
  renameSync(draft, file);
}
