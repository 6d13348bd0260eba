// Whether a process named on disk is still the same one. A bare pid is not enough: numbers are reused.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** @typedef {{pid: number, identity: string}} ProcessName */

/**
 * Boot and start time of a process; null when there is none or only its zombie.
 * @param {number} pid
 * @returns {string | null}
 */
function identityOf(pid) {
  if (process.platform === 'linux') {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      // The command may hold spaces and brackets; what follows its last bracket is state, ppid, … start time.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (fields[0] === 'Z' || fields[0] === 'X') return null;
      return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${fields[19]}`;
    } catch {
      return null;
    }
  }
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ESRCH') return null;
  }
  if (process.platform === 'win32') return 'alive';
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
  } catch {
    return null;
  }
}

/**
 * @param {number} pid
 * @returns {ProcessName}
 */
export function nameProcess(pid) {
  return { pid, identity: identityOf(pid) ?? '' };
}

/** @param {ProcessName} name */
export function isAlive({ pid, identity }) {
  return Number.isInteger(pid) && pid > 0 && identity !== '' && identityOf(pid) === identity;
}
