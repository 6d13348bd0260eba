// One open file of whole lines: it grows by whole lines only, is cut back when a write fails, and notices when
// somebody renames, deletes or truncates it. Knows nothing of exchanges, queues or retries.
import { type FileHandle, mkdir, open as openFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { type MendedTail, mendTail, readBytes } from './torn-tail.js';
import { Unsynced } from './unsynced.js';

const NEWLINE = 0x0a;
const MODE = 0o600;
/** What a file system answers that cannot force a file to disk. */
const SYNC_UNSUPPORTED = new Set(['EINVAL', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP']);

/** node's `open`; tests put one that fails in its place. */
export type OpenFile = (file: string, flags: string, mode?: number) => Promise<FileHandle>;

export interface LineFileOptions {
  /** Whether `sync` will be called: what it has not confirmed yet is kept in memory. */
  readonly synced: boolean;
  /** Default: node's. */
  readonly open?: OpenFile | undefined;
}

export interface Appended {
  /** How many of the lines, from the first, are whole in the file. */
  readonly written: number;
  /** Why not all of them; else null. */
  readonly error: unknown;
}

/** `here`: whole, at the path. `elsewhere`: whole, in a file that was renamed. `gone`: deleted or cut off. */
export type Whereabouts = 'here' | 'elsewhere' | 'gone';

export class LineFile {
  /** What the tail needed when the file was opened. */
  readonly mended: MendedTail;
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #options: LineFileOptions;
  readonly #identity: { readonly dev: number; readonly ino: number };
  readonly #unsynced: Unsynced;
  #size: number;
  #lastSync = Promise.resolve();
  #syncFault: unknown = null;

  private constructor(
    file: string,
    handle: FileHandle,
    { dev, ino, size }: { dev: number; ino: number; size: number },
    mended: MendedTail,
    options: LineFileOptions,
  ) {
    this.#path = file;
    this.#handle = handle;
    this.#options = options;
    this.#identity = { dev, ino };
    this.#unsynced = new Unsynced(size);
    this.#size = size;
    this.mended = mended;
  }

  /**
   * Opens the file for appending, creates it (mode 0600) and its folder where missing, and mends its tail.
   * @throws the system's error; a folder, pipe or device is refused.
   */
  static async open(file: string, options: LineFileOptions): Promise<LineFile> {
    const { open = openFile } = options;
    await mkdir(path.dirname(file), { recursive: true });
    const handle = await open(file, 'a+', MODE);
    try {
      if (!(await handle.stat()).isFile()) throw new Error(`${file} is not a regular file`);
      const mended = await mendTail(handle, file, open);
      return new LineFile(file, handle, await handle.stat(), mended, options);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Bytes in the file, as far as we know. */
  get size(): number {
    return this.#size;
  }

  get unsyncedBytes(): number {
    return this.#unsynced.bytes;
  }

  /** Set once a `sync` has failed: after that no success of this descriptor means anything. */
  get syncFault(): unknown {
    return this.#syncFault;
  }

  /** Writes whole lines; one that could not be written to its end is cut off again. Never rejects. */
  async append(lines: readonly Buffer[]): Promise<Appended> {
    const bytes = Buffer.concat(lines);
    let written = 0;
    try {
      while (written < bytes.length) {
        const { bytesWritten } = await this.#handle.write(bytes, written, bytes.length - written, null);
        if (bytesWritten === 0) throw new Error('The file takes no more bytes');
        written += bytesWritten;
      }
    } catch (error) {
      const whole = bytes.subarray(0, written).lastIndexOf(NEWLINE) + 1;
      await this.#cut(this.#size + written, this.#size + whole);
      this.#grow(bytes.subarray(0, whole));
      return { written: linesWithin(lines, whole), error };
    }
    this.#grow(bytes);
    return { written: lines.length, error: null };
  }

  /**
   * Where the lines of the last `append` are now; `elsewhere` also when that cannot be told. Asked afterwards and
   * not before: a file deleted between the question and the write would swallow them. Never rejects.
   */
  async whereabouts(last: readonly Buffer[]): Promise<Whereabouts> {
    const named = await stat(this.#path).catch(() => null);
    try {
      if (named?.ino === this.#identity.ino && named.dev === this.#identity.dev) {
        return named.size === this.#size
          ? 'here'
          : await this.#afterStranger(named.size, Buffer.concat(last));
      }
      return (await this.#handle.stat()).nlink === 0 ? 'gone' : 'elsewhere';
    } catch {
      return 'elsewhere';
    }
  }

  /**
   * Forces to disk what was appended before the call.
   * @throws the system's error, then and on every later call: the system forgets the lost pages, so a second
   * attempt on this descriptor would succeed without having saved them.
   */
  sync(): Promise<void> {
    const next = this.#lastSync.then(() => this.#force());
    this.#lastSync = next.catch(() => undefined);
    return next;
  }

  /**
   * The same path with a new descriptor, this one closed. What this one has not forced to disk is written again: in
   * its place while the file is still there, else at the end.
   * @throws the system's error; this file then stays as it is, for another attempt.
   */
  async reopen(): Promise<LineFile> {
    if (this.#options.synced) await this.sync().catch(() => undefined);
    const fresh = await LineFile.open(this.#path, this.#options);
    try {
      await fresh.#takeOver(this);
    } catch (error) {
      await fresh.close();
      throw error;
    }
    await this.close();
    return fresh;
  }

  /** Never rejects: whoever needs to know that all is on the disk calls `sync` before. */
  async close(): Promise<void> {
    await this.#lastSync;
    await this.#handle.close().catch(() => undefined);
  }

  async #takeOver(old: LineFile): Promise<void> {
    const { chunks, position } = old.#unsynced;
    if (chunks.length === 0) return;
    const isSame = old.#identity.ino === this.#identity.ino && old.#identity.dev === this.#identity.dev;
    if (isSame && position !== null && old.#size === this.#size) {
      const { open = openFile } = this.#options;
      // An appending descriptor cannot write in the middle.
      await old.#unsynced.writeAgain(await open(this.#path, 'r+'), position);
      return;
    }
    const { error } = await this.append(chunks);
    if (error !== null) throw error;
    await this.sync();
  }

  async #force(): Promise<void> {
    if (this.#syncFault !== null) throw this.#syncFault;
    const count = this.#unsynced.chunks.length;
    if (count === 0) return;
    try {
      await this.#handle.datasync();
    } catch (error) {
      if (!SYNC_UNSUPPORTED.has(codeOf(error))) {
        this.#syncFault = error;
        throw error;
      }
    }
    this.#unsynced.confirm(count);
  }

  #grow(bytes: Buffer): void {
    this.#size += bytes.length;
    if (this.#options.synced && bytes.length > 0) this.#unsynced.add(bytes);
  }

  /** Leaves the file alone when somebody else has written to it; what stays torn is mended by the next open. */
  async #cut(expectedSize: number, size: number): Promise<void> {
    try {
      if ((await this.#handle.stat()).size === expectedSize) await this.#handle.truncate(size);
    } catch {
      // The error of the write is the one to report.
    }
  }

  /** The file has another size than ours: somebody cut it or wrote to it. Did our last lines survive that whole? */
  async #afterStranger(size: number, last: Buffer): Promise<Whereabouts> {
    const hasGrown = size > this.#size;
    this.#size = size;
    this.#unsynced.forgetPosition();
    const from = Math.max(0, size - last.length - 1);
    const tail = await readBytes(this.#handle, from, size - from);
    const isAtEnd = tail.length >= last.length && tail.subarray(-last.length).equals(last);
    if (!isAtEnd) return hasGrown ? 'here' : 'gone';
    if (tail.length === last.length || tail[0] === NEWLINE) return 'here';
    await this.#cut(size, size - last.length);
    return 'gone';
  }
}

function linesWithin(lines: readonly Buffer[], bytes: number): number {
  let end = 0;
  return lines.filter(line => {
    end += line.length;
    return end <= bytes;
  }).length;
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? '';
}
