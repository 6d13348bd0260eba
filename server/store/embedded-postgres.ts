// The embedded database's life in this process: its thread, its socket, the lock on its folder. Knows no query.
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import type pg from 'pg';
import { type FolderLock, HeldError, lockFolder } from '../locks/folder-lock.js';

/** Where `pg` looks for a server's socket. */
const SOCKET = '.s.PGSQL.5432';
/** Linux takes 108 bytes with the closing NUL, macOS 104. */
const MAX_SOCKET_BYTES = 100;
const CLOSE_TIMEOUT_MS = 3_000;
const STDERR_LINES = 5;

export interface EmbeddedPostgres {
  /** Starts the thread, ending an earlier one at once, whatever it does. Rejects with why it could not. */
  start(onEnd: (fault: string) => void): Promise<pg.ClientConfig>;
  /** Ends the thread properly, at most 3 s, and gives the folder free. */
  close(): Promise<void>;
}

/** @throws HeldError when another process has the folder. */
export function embedPostgres(folder: string): EmbeddedPostgres {
  let lock: FolderLock | null = null;
  let worker: Worker | null = null;
  let sockets: string | null = null;
  const takeLock = (): void => {
    lock ??= lockFolder(folder);
  };
  try {
    takeLock();
  } catch (error) {
    // A full disk is no reason not to start; the lock is then taken later, before the folder is touched.
    if (error instanceof HeldError) throw error;
  }
  const endThread = async (): Promise<void> => {
    const ended = worker;
    worker = null;
    ended?.removeAllListeners();
    await ended?.terminate();
  };
  return {
    start: async onEnd => {
      takeLock();
      await endThread();
      sockets ??= socketFolder(folder);
      const socket = path.join(sockets, SOCKET);
      rmSync(socket, { force: true });
      const thread = new Worker(new URL('./embedded-thread.mjs', import.meta.url), {
        workerData: { folder, socket },
        stdout: true,
        stderr: true,
        // Node's own flags, as --input-type=module, would be taken for the thread's.
        execArgv: [],
      });
      worker = thread;
      await started(thread, onEnd);
      return { host: sockets, port: 5432, user: 'postgres', database: 'postgres' };
    },
    close: async () => {
      if (worker !== null) await closed(worker);
      await endThread();
      if (sockets !== null) rmSync(sockets, { recursive: true, force: true });
      lock?.release();
      lock = null;
    },
  };
}

/** A folder for the socket that only this user can enter: the embedded database asks nobody for a password. */
function socketFolder(folder: string): string {
  const beside = `${folder}.socket`;
  if (Buffer.byteLength(path.join(beside, SOCKET)) > MAX_SOCKET_BYTES)
    return mkdtempSync(path.join(tmpdir(), 'minivault-'));
  mkdirSync(beside, { recursive: true, mode: 0o700 });
  chmodSync(beside, 0o700);
  return beside;
}

async function started(thread: Worker, onEnd: (fault: string) => void): Promise<void> {
  const lines: string[] = [];
  thread.stdout.resume();
  thread.stderr.on('data', (chunk: Buffer) => {
    lines.push(...chunk.toString().split('\n').filter(Boolean));
    lines.splice(0, lines.length - STDERR_LINES);
  });
  let isReady = false;
  await new Promise<void>((resolve, reject) => {
    const fail = (fault: string): void => {
      if (isReady) onEnd(fault);
      else reject(new Error([fault, ...lines].join(' · ')));
    };
    thread.once('message', () => {
      isReady = true;
      resolve();
    });
    thread.on('error', error => fail(error.message));
    thread.on('exit', code => fail(`its thread ended with ${code}`));
  });
}

async function closed(thread: Worker): Promise<void> {
  await new Promise<void>(resolve => {
    const timer = setTimeout(resolve, CLOSE_TIMEOUT_MS);
    const done = (): void => {
      clearTimeout(timer);
      resolve();
    };
    thread.once('message', done);
    thread.once('exit', done);
    thread.postMessage('close');
  });
}
