// A process and all it started, as /proc tells them. On systems without /proc there is nothing to read.
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** Ticks of a second in /proc's times: 100 on every Linux that Node runs on. */
const TICKS_PER_S = 100;

/** @typedef {{ pid: number, parentPid: number, startTicks: number, cpuTicks: number }} ProcessFacts */

/** @returns {ProcessFacts | null} null when it is gone */
function readProcess(/** @type {number} */ pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name may hold anything, closing brackets too; the fields after it are plain.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z') return null;
    const [parentPid, user, system, start] = [fields[1], fields[11], fields[12], fields[19]].map(Number);
    return {
      pid,
      parentPid: parentPid ?? 0,
      startTicks: start ?? 0,
      cpuTicks: (user ?? 0) + (system ?? 0),
    };
  } catch {
    return null;
  }
}

/**
 * The process and its descendants that are alive.
 * @param {number} root
 * @returns {ProcessFacts[]}
 */
export function readTree(root) {
  if (!existsSync('/proc/self/stat')) return [];
  const all = readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .flatMap(name => readProcess(Number(name)) ?? []);
  const tree = all.filter(({ pid }) => pid === root);
  for (const { pid } of tree) tree.push(...all.filter(({ parentPid }) => parentPid === pid));
  return tree;
}

/** @param {readonly ProcessFacts[]} tree @returns {number} seconds of CPU time its processes used so far */
export function cpuSeconds(tree) {
  return tree.reduce((sum, { cpuTicks }) => sum + cpuTicks, 0) / TICKS_PER_S;
}

/** @param {readonly ProcessFacts[]} tree @returns {number | null} the sum of each process's own peak; null where it can't be read */
export function peakResidentBytes(tree) {
  let bytes = 0;
  for (const { pid } of tree) {
    try {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      bytes += Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
    } catch {
      // It ended meanwhile.
    }
  }
  return bytes > 0 ? bytes : null;
}

/**
 * SIGKILL for those of a tree, read earlier, that still live.
 * @param {readonly ProcessFacts[]} tree
 */
export function killRemaining(tree) {
  for (const { pid, startTicks } of tree) {
    if (readProcess(pid)?.startTicks !== startTicks) continue;
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended meanwhile.
    }
  }
}
