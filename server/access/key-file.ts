// The file of stored keys: reads it, and changes it under its lock, whole or not at all. Knows no request.
// Reading: readKeyFile(keyFileOf(config)). Changing: by key-changes.ts.
import {
  chmodSync,
  chownSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Config } from '../config.js';
import { type FolderLock, HeldError, lockFolder } from '../locks/folder-lock.js';
import { KeyFileError, parseKeyFile, printKeyFile } from './key-file-format.js';
import type { StoredKey } from './keys.js';

const LOCK_RETRY_MS = 20;
const LOCK_TIMEOUT_MS = 5_000;
const ROOT_USER = 0;

/** Where the keys are: the setting, or keys.json in the data folder. */
export function keyFileOf(config: Pick<Config, 'MINIVAULT_KEYS_FILE' | 'MINIVAULT_DATA_DIR'>): string {
  return config.MINIVAULT_KEYS_FILE ?? path.join(config.MINIVAULT_DATA_DIR, 'keys.json');
}

/**
 * All keys ever made, oldest first; none while there is no file.
 * @throws KeyFileError naming the file and what is wrong with it
 */
export function readKeyFile(file: string): readonly StoredKey[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new KeyFileError(file, (error as Error).message, error);
  }
  return parseKeyFile(file, text);
}

/**
 * Reads the keys, lets them be changed and writes them, under the file's lock: of several processes one after another.
 * Nothing is written when `change` throws.
 * @throws KeyFileError for a broken file, HeldError when another process has kept the lock for 5 s
 */
export async function changeKeyFile<T>(
  file: string,
  change: (keys: readonly StoredKey[]) => { readonly keys: readonly StoredKey[]; readonly result: T },
): Promise<T> {
  const lock = await waitForLock(file);
  try {
    const { keys, result } = change(readKeyFile(file));
    replaceFile(file, printKeyFile(keys));
    return result;
  } finally {
    lock.release();
  }
}

async function waitForLock(file: string): Promise<FolderLock> {
  const deadlineMs = performance.now() + LOCK_TIMEOUT_MS;
  for (;;) {
    try {
      return lockFolder(file);
    } catch (error) {
      if (!(error instanceof HeldError) || performance.now() > deadlineMs) throw error;
      await wait(LOCK_RETRY_MS);
    }
  }
}

/** A reader sees the old file or the new one. What was linked stays linked, and belongs to whom it belonged. */
function replaceFile(named: string, text: string): void {
  const isNew = statSync(named, { throwIfNoEntry: false }) === undefined;
  if (isNew) mkdirSync(path.dirname(named), { recursive: true });
  const file = isNew ? named : realpathSync(named);
  const folder = path.dirname(file);
  const draft = `${file}.${process.pid}.draft`;
  try {
    writeFileSync(draft, text, { mode: 0o600, flush: true });
    chmodSync(draft, 0o600);
    if (process.getuid?.() === ROOT_USER) {
      // A key made by root must be readable to the gateway, which hopefully is not root.
      const { uid, gid } = statSync(isNew ? folder : file);
      chownSync(draft, uid, gid);
    }
    renameSync(draft, file);
  } finally {
    rmSync(draft, { force: true });
  }
  syncFolder(folder);
}

/** The new name is on the disk, too, once this returns. */
function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
