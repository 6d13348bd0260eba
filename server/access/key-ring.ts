// The keys as a running gateway knows them: read at boot, again within a second of a change of their file and when told
// to (SIGHUP, an admin route that has just changed them). Knows no request. A lookup never touches the disk.
import { timingSafeEqual } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import type { Logger } from '../log.js';
import { readKeyFile } from './key-file.js';
import { KeyFileError, parseKeyFile } from './key-file-format.js';
import { digestOf, hasPassed, type StoredKey, stateOf } from './keys.js';

const LOOK_INTERVAL_MS = 1_000;

export interface KeyRing {
  /** Where they are: what key-changes.ts wants. */
  readonly file: string;
  /** The key that this is a good secret of, if it is active. Takes as long for a wrong secret as for a good one. */
  find(secret: string): StoredKey | null;
  /** All keys ever made, oldest first. */
  all(): readonly StoredKey[];
  /** Whether there ever was one: from then on requests need one, until the gateway is started anew. */
  readonly isLocked: boolean;
  /** Reads the file now. A broken or vanished one leaves the keys as they were, with a warning; never rejects. */
  reload(): Promise<void>;
  /** Told after the keys have changed. @returns what ends that */
  onChange(listener: (keys: readonly StoredKey[]) => void): () => void;
  close(): void;
}

export interface KeyRingOptions {
  readonly file: string;
  readonly logger: Logger;
  readonly lookIntervalMs?: number;
}

interface Known {
  readonly key: StoredKey;
  readonly digest: Buffer;
  /** Null: as long as the key. */
  readonly until: string | null;
}

/** @throws KeyFileError when the file is there and cannot be used */
export function openKeyRing({ file, logger, lookIntervalMs = LOOK_INTERVAL_MS }: KeyRingOptions): KeyRing {
  return new FileKeyRing(file, logger, lookIntervalMs);
}

class FileKeyRing implements KeyRing {
  isLocked = false;
  readonly file: string;
  readonly #logger: Logger;
  readonly #timer: NodeJS.Timeout;
  readonly #listeners = new Set<(keys: readonly StoredKey[]) => void>();
  #keys: readonly StoredKey[] = [];
  #known: ReadonlyMap<string, Known> = new Map();
  /** Which state of the file was read last; null: none. */
  #seen: string | null = null;
  #warned: string | null = null;
  #reading: Promise<void> = Promise.resolve();

  constructor(file: string, logger: Logger, lookIntervalMs: number) {
    this.file = file;
    this.#logger = logger;
    this.#take(readKeyFile(file));
    this.#timer = setInterval(() => void this.#look(false), lookIntervalMs).unref();
  }

  find(secret: string): StoredKey | null {
    const given = digestOf(secret);
    const known = this.#known.get(given.toString('hex'));
    // Compared in any case, and with something as long.
    const isSame = timingSafeEqual(given, known?.digest ?? given);
    if (known === undefined || !isSame) return null;
    const nowMs = Date.now();
    if (known.until !== null && hasPassed(known.until, nowMs)) return null;
    return stateOf(known.key, nowMs) === 'active' ? known.key : null;
  }

  all(): readonly StoredKey[] {
    return this.#keys;
  }

  reload(): Promise<void> {
    return this.#look(true);
  }

  onChange(listener: (keys: readonly StoredKey[]) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#listeners.clear();
  }

  /** One look after the other: an older state must not be taken after a newer one. */
  #look(always: boolean): Promise<void> {
    this.#reading = this.#reading.then(() => this.#readIfChanged(always));
    return this.#reading;
  }

  async #readIfChanged(always: boolean): Promise<void> {
    let handle: FileHandle | undefined;
    try {
      handle = await open(this.file, 'r');
      const { ino, mtimeNs, size } = await handle.stat({ bigint: true });
      const state = `${ino} ${mtimeNs} ${size}`;
      if (!always && state === this.#seen) return;
      this.#seen = state;
      this.#take(parseKeyFile(this.file, await handle.readFile('utf8')));
      this.#warned = null;
    } catch (error) {
      this.#keep(error as Error);
    } finally {
      await handle?.close().catch(() => {});
    }
  }

  /** Nobody is locked out, and nobody let in, because a file is being mended or a disk is away. */
  #keep(error: Error): void {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    if (isMissing && this.#keys.length === 0) return;
    const fault =
      error instanceof KeyFileError ? error.message : new KeyFileError(this.file, error.message).message;
    if (fault === this.#warned) return;
    this.#warned = fault;
    this.#logger.warn(`${fault}. The keys read before stay in force.`);
  }

  #take(keys: readonly StoredKey[]): void {
    const changed = JSON.stringify(keys) !== JSON.stringify(this.#keys);
    this.#keys = keys;
    this.#known = new Map(
      keys.flatMap(key =>
        [{ ...key.secret, until: null }, ...key.former].map(({ sha256, until }) => [
          sha256,
          { key, digest: Buffer.from(sha256, 'hex'), until },
        ]),
      ),
    );
    this.isLocked ||= keys.length > 0;
    if (!changed) return;
    for (const listener of [...this.#listeners]) listener(keys);
  }
}
