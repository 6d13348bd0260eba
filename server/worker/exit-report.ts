// How a worker ended, in words: for the console, /health and the clients whose runs it took along.
import { z } from 'zod';
import { AppError } from '../errors.js';
import type { ProcessExit } from './process.js';
import type { WorkerExit } from './worker.js';

/** python/fault_log.py writes these. */
const faultSchema = z.object({ error: z.string() });
/** sysexits' EX_CONFIG: the worker says that starting it again will not help. */
const PERMANENT_EXIT_CODE = 78;
/** The machine is short of something at the moment. */
const PASSING_SPAWN_ERRORS: ReadonlySet<string> = new Set(['EAGAIN', 'ENOMEM', 'EMFILE', 'ENFILE']);

/** @param killedBecause our own reason when it was the gateway that killed it. */
export function toWorkerExit(
  exit: ProcessExit,
  killedBecause: string | null,
  stderr: readonly string[],
  at: Date,
): WorkerExit {
  const { code, signal } = exit;
  return { at: at.toISOString(), code, signal, reason: describe(exit, killedBecause), stderr };
}

function describe({ code, signal, spawnError }: ProcessExit, killedBecause: string | null): string {
  if (spawnError) return `could not be started (${spawnError.code})`;
  if (signal && killedBecause) return `killed by the gateway: ${killedBecause}`;
  if (signal === 'SIGKILL') return 'killed by SIGKILL from outside, most likely for want of memory';
  if (signal) return `ended by ${signal}`;
  return `exited with code ${code}`;
}

/** What a run that had begun is told. */
export function toRunError(exit: WorkerExit, killedBecause: string | null): AppError {
  const isKilledFromOutside = exit.signal === 'SIGKILL' && killedBecause === null;
  return new AppError(
    isKilledFromOutside ? 'worker_killed' : 'worker_crashed',
    `The worker that ran this was lost: ${exit.reason}.`,
  );
}

/** The fault that starting again will not mend, one line; null when it may. */
export function permanentFault(
  { code, spawnError }: ProcessExit,
  stderr: readonly string[],
  command: { readonly file: string; readonly remedy: string },
): string | null {
  if (spawnError && !PASSING_SPAWN_ERRORS.has(spawnError.code)) {
    return `${command.file} cannot be started (${spawnError.code}). ${command.remedy}`;
  }
  if (code !== PERMANENT_EXIT_CODE) return null;
  return `The worker refused to start: ${lastWords(stderr) ?? 'it did not say why'}. ${command.remedy}`;
}

/** The last line of stderr as a client may see it: of a fault that Python told as JSON the error, not the traceback. */
export function lastWords(stderr: readonly string[]): string | undefined {
  const line = stderr.at(-1);
  if (line === undefined) return undefined;
  const told = faultSchema.safeParse(parseOrNull(line));
  return told.success ? told.data.error : line;
}

function parseOrNull(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
