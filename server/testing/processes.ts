// What the system knows about processes, read from /proc.
import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessFacts {
  readonly pid: number;
  /** R, S, T, Z, … */
  readonly state: string;
  readonly parentPid: number;
  readonly groupId: number;
}

/** Null when there is no such process (any more). */
export function processFacts(pid: number): ProcessFacts | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name may hold anything, closing brackets too; the fields after it are plain.
    const [state = '', parentPid, groupId] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { pid, state, parentPid: Number(parentPid), groupId: Number(groupId) };
  } catch {
    return null;
  }
}

/** Runs: neither gone nor a zombie. */
export function isRunning(pid: number): boolean {
  const facts = processFacts(pid);
  return facts !== null && facts.state !== 'Z';
}

/** Processes that this one started and that still exist, zombies included. */
export function ownChildren(): ProcessFacts[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .flatMap(name => processFacts(Number(name)) ?? [])
    .filter(facts => facts.parentPid === process.pid);
}
