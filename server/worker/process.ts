// One child process in a process group of its own: spawn, signals, exit. Knows no protocol.
import type { Readable, Writable } from 'node:stream';
import { execa } from 'execa';
import type { Environment } from './environment.js';

/** How long the pipes of a dead worker may stay open, held by a descendant that left its process group. */
const PIPE_GRACE_MS = 1_000;

export interface WorkerCommand {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** All the child sees. */
  readonly env: Environment;
  /** What its user can do when it cannot be started, a sentence. */
  readonly remedy: string;
}

export interface ProcessExit {
  readonly code: number | null;
  readonly signal: string | null;
  /** Why it could not be started at all, ENOENT for one. */
  readonly spawnError: { readonly code: string; readonly message: string } | null;
}

export interface WorkerProcess {
  readonly pid: number | null;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Never rejects. Resolves when the child is reaped, what was left of its group killed, and its pipes closed. */
  readonly exit: Promise<ProcessExit>;
  /** To the whole group; means nothing once the child is reaped. */
  signal(name: 'SIGTERM' | 'SIGKILL'): void;
}

export type SpawnWorker = (command: WorkerCommand) => WorkerProcess;

/**
 * Own group: Ctrl-C in the terminal reaches the gateway alone, which decides, and whatever the worker started goes
 * with it. Nothing is buffered: execa's default would end a child after 100 MB of output.
 */
export function spawnWorker({ file, args, cwd, env }: WorkerCommand): WorkerProcess {
  const child = execa(file, args, {
    cwd,
    env,
    extendEnv: false,
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'pipe',
    buffer: false,
    reject: false,
    detached: process.platform !== 'win32',
  });
  const pid = child.pid ?? null;
  let isReaped = false;
  let graceTimer: NodeJS.Timeout | undefined;
  child.once('exit', () => {
    signalGroup(pid, 'SIGKILL');
    isReaped = true;
    graceTimer = setTimeout(() => {
      child.stdout.destroy();
      child.stderr.destroy();
    }, PIPE_GRACE_MS);
  });
  const exit = child.then(({ exitCode, signal, code, originalMessage }): ProcessExit => {
    clearTimeout(graceTimer);
    const spawnError =
      pid === null ? { code: code ?? 'UNKNOWN', message: originalMessage ?? 'could not be started' } : null;
    return { code: exitCode ?? null, signal: signal ?? null, spawnError };
  });
  return {
    pid,
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    exit,
    signal: name => {
      if (!isReaped && !signalGroup(pid, name)) child.kill(name);
    },
  };
}

/**
 * Asks, then SIGTERM, then SIGKILL, a step each time the child has not ended within the step's time.
 * @param ask the polite request; the child may have ended already.
 */
export async function stopProcess(child: WorkerProcess, ask: () => void, stepMs: number): Promise<void> {
  ask();
  if (await endsWithin(child, stepMs)) return;
  child.signal('SIGTERM');
  if (await endsWithin(child, stepMs)) return;
  child.signal('SIGKILL');
  await child.exit;
}

async function endsWithin(child: WorkerProcess, timeoutMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const elapsed = new Promise<false>(resolve => {
    timer = setTimeout(() => resolve(false), timeoutMs);
  });
  try {
    return await Promise.race([child.exit.then(() => true), elapsed]);
  } finally {
    clearTimeout(timer);
  }
}

/** False when there is no such group: it is gone, or the platform has none. */
function signalGroup(pid: number | null, name: NodeJS.Signals): boolean {
  if (pid === null || process.platform === 'win32') return false;
  try {
    return process.kill(-pid, name);
  } catch {
    return false;
  }
}
