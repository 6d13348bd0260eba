// One process at a time on a folder or a file of the data. The lock lies beside what it guards, so that it outlives a
// folder that is replaced. Knows nothing of what is guarded.
import {
  chownSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { identityOf } from './process-identity.js';

// Claims are files NAME.lock.1, NAME.lock.2, …; only the highest counts. It is never removed, only outbid by the next
// number, once its process has released it or is dead, which no process ever takes back. So of two that find the same
// dead holder only one can win: a name is created once.

const ROOT_USER = 0;

interface Claim {
  readonly pid: number;
  readonly identity: string;
  readonly released: boolean;
}

/** Another process that runs holds the lock. */
export class HeldError extends Error {
  override readonly name = 'HeldError';
  readonly pid: number;

  constructor(guarded: string, pid: number) {
    super(`${guarded} is in use by process ${pid}; stop that one first, or name another place`);
    this.pid = pid;
  }
}

export interface FolderLock {
  /** May be called more than once. */
  release(): void;
}

/**
 * Takes the lock of a folder or file, which need not exist yet; a process that runs is never robbed, not even by itself.
 * What a killed process left is taken over.
 * @throws HeldError naming the process that has it; the system's error when the lock cannot be written.
 */
export function lockFolder(guarded: string): FolderLock {
  const folder = path.dirname(guarded);
  const name = `${path.basename(guarded)}.lock`;
  const fileOf = (number: number): string => path.join(folder, `${name}.${number}`);
  mkdirSync(folder, { recursive: true });
  for (;;) {
    const top = Math.max(0, ...claimNumbers(folder, name));
    const holder = top === 0 ? null : readHolder(fileOf(top));
    if (holder === 'gone') continue;
    if (holder !== null) throw new HeldError(guarded, holder);
    const mine = top + 1;
    if (!publish(fileOf(mine))) continue;
    // One that was asleep since it looked may have created a number that was outbid and removed meanwhile.
    if (Math.max(...claimNumbers(folder, name)) !== mine) {
      rmSync(fileOf(mine), { force: true });
      continue;
    }
    for (const number of claimNumbers(folder, name)) {
      if (number < mine) rmSync(fileOf(number), { force: true });
    }
    let held = true;
    return {
      release: () => {
        if (held) write(fileOf(mine), true, renameSync);
        held = false;
      },
    };
  }
}

function claimNumbers(folder: string, name: string): number[] {
  return readdirSync(folder).flatMap(entry => {
    const number = entry.startsWith(`${name}.`) ? entry.slice(name.length + 1) : '';
    return /^\d{1,15}$/.test(number) ? [Number(number)] : [];
  });
}

/** Null: nobody. `gone`: outbid since the folder was read. */
function readHolder(file: string): number | 'gone' | null {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'gone';
    throw error;
  }
  try {
    const { pid, identity, released } = JSON.parse(text) as Claim;
    return released || identityOf(pid) !== identity ? null : pid;
  } catch {
    // A claim appears with its content; this one was torn by a crash of the machine.
    return null;
  }
}

/** Creates the claim together with its content; false when another process was first. */
function publish(file: string): boolean {
  try {
    write(file, false, linkSync);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function write(file: string, released: boolean, put: (draft: string, file: string) => void): void {
  const draft = `${file}.${process.pid}`;
  const claim: Claim = { pid: process.pid, identity: identityOf(process.pid) ?? '', released };
  try {
    writeFileSync(draft, JSON.stringify(claim), { mode: 0o600 });
    if (process.getuid?.() === ROOT_USER) {
      // A claim outlives its process: what root has left, the gateway, which hopefully is not root, must be able to read.
      const { uid, gid } = statSync(path.dirname(file));
      chownSync(draft, uid, gid);
    }
    put(draft, file);
  } finally {
    rmSync(draft, { force: true });
  }
}
