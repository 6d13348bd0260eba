// The files of a log as its follower reads them: which there are, oldest first, and where reading goes on in each.
// Holds the file that is being written open, so that what stands in it is found also when somebody has renamed or
// deleted it. Knows no database.
import { type FileHandle, open, stat } from 'node:fs/promises';
import { firstIdOf } from './exchange-row.js';
import { readFirstLine } from './log-lines.js';
import { listLogFiles } from './rotation.js';
import { readBytes } from './torn-tail.js';

const NEWLINE = 0x0a;
/** Two files are told apart by their beginning: a line opens with its time and its prompt. */
const HEAD_BYTES = 256;

export class FollowedFile {
  readonly handle: FileHandle;
  /** Device and inode: what stays the same when the file is renamed. */
  readonly key: string;
  #firstId: string | null = null;
  #head: Buffer = Buffer.alloc(0);
  #position = 0;

  private constructor(handle: FileHandle, key: string) {
    this.handle = handle;
    this.key = key;
  }

  /** Null when there is no such file. */
  static async open(file: string): Promise<FollowedFile | null> {
    const handle = await open(file, 'r').catch(ignoreMissing);
    return handle === undefined ? null : new FollowedFile(handle, keyOf(await handle.stat()));
  }

  /** The id in its first line; null until `begin` has found one. */
  get firstId(): string | null {
    return this.#firstId;
  }

  /** All before it has been read. */
  get position(): number {
    return this.#position;
  }

  /**
   * Where reading goes on: where it ended, else where `positions` (by first id) says; from the start when the file is
   * not what it was. False when it has no whole line.
   */
  async begin(positions: ReadonlyMap<string, number>): Promise<boolean> {
    const { size } = await this.handle.stat();
    if (this.#firstId !== null && !(await this.#hasSameHead(size))) this.#firstId = null;
    if (this.#firstId === null) {
      const first = await readFirstLine(this.handle);
      if (first === null) return false;
      this.#head = await readBytes(this.handle, 0, Math.min(HEAD_BYTES, first.end));
      this.#firstId = firstIdOf(first.bytes);
      this.#position = positions.get(this.#firstId) ?? 0;
    }
    if (!(await this.#isBorder(size))) this.#position = 0;
    return true;
  }

  advance(position: number): void {
    this.#position = position;
  }

  /** Where reading goes on is asked of `positions` again. */
  forget(): void {
    this.#firstId = null;
  }

  async close(): Promise<void> {
    await this.handle.close();
  }

  async #hasSameHead(size: number): Promise<boolean> {
    if (size < this.#head.length) return false;
    return (await readBytes(this.handle, 0, this.#head.length)).equals(this.#head);
  }

  async #isBorder(size: number): Promise<boolean> {
    if (this.#position === 0) return true;
    if (this.#position > size) return false;
    return (await readBytes(this.handle, this.#position - 1, 1))[0] === NEWLINE;
  }
}

export class FollowedFiles {
  readonly #path: string;
  #active: FollowedFile | null = null;
  /** Were being written, and have another name now or none. */
  #left: FollowedFile[] = [];
  /** Sizes of rotated files that are read to their end. */
  readonly #finished = new Map<string, number>();

  constructor(path: string) {
    this.#path = path;
  }

  /** Opens the file at the path, unless it is open; true when it is another one than before. */
  async look(): Promise<boolean> {
    const named = await stat(this.#path).catch(ignoreMissing);
    if (this.#active === null ? named === undefined : named && keyOf(named) === this.#active.key)
      return false;
    // Until a new file is there the old one may still be written to.
    const next = named === undefined ? null : await FollowedFile.open(this.#path);
    if (next === null || next.key === this.#active?.key) {
      await next?.close();
      return false;
    }
    if (this.#active !== null) this.#left.push(this.#active);
    this.#active = next;
    return true;
  }

  /** The files that may have something to be read, oldest first; `all`: also those that nobody should have changed. */
  async *unread(all: boolean): AsyncGenerator<FollowedFile> {
    if (all) yield* this.#rotated();
    const left = this.#left;
    this.#left = [];
    try {
      for (let file = left[0]; file !== undefined; file = left[0]) {
        yield file;
        left.shift();
        await file.close();
      }
    } finally {
      // Whoever breaks off reads on from here the next time.
      this.#left = [...left, ...this.#left];
    }
    if (this.#active !== null) yield this.#active;
  }

  /** Bytes of all files that are there, and of those the ones not read; positions are by first id. */
  async measure(positions: ReadonlyMap<string, number>): Promise<{ bytes: number; unreadBytes: number }> {
    let bytes = 0;
    let unreadBytes = 0;
    for (const name of await listLogFiles(this.#path)) {
      const found = await stat(name).catch(ignoreMissing);
      if (found === undefined) continue;
      bytes += found.size;
      if (this.#finished.get(keyOf(found)) === found.size) continue;
      unreadBytes += Math.max(0, found.size - (await this.#positionIn(name, positions)));
    }
    return { bytes, unreadBytes };
  }

  /** Where reading goes on is asked of `positions` again, in every file. */
  forget(): void {
    for (const file of this.#left) file.forget();
    this.#active?.forget();
    this.#finished.clear();
  }

  /** The file at the path has been replaced, and what stood in the old one is not to be read. */
  async drop(): Promise<void> {
    await this.#active?.close();
    this.#active = null;
  }

  async close(): Promise<void> {
    await this.drop();
    for (const file of this.#left.splice(0)) await file.close();
  }

  async *#rotated(): AsyncGenerator<FollowedFile> {
    for (const name of await listLogFiles(this.#path)) {
      if (name === this.#path) continue;
      const found = await stat(name).catch(ignoreMissing);
      if (found === undefined || this.#finished.get(keyOf(found)) === found.size) continue;
      const open = this.#left.find(({ key }) => key === keyOf(found));
      const file = open ?? (await FollowedFile.open(name));
      if (file === null) continue;
      this.#left = this.#left.filter(left => left !== file);
      try {
        yield file;
        const { size } = await file.handle.stat();
        if (file.position === size) this.#finished.set(file.key, size);
      } finally {
        await file.close();
      }
    }
  }

  async #positionIn(name: string, positions: ReadonlyMap<string, number>): Promise<number> {
    const file = await FollowedFile.open(name);
    try {
      return file !== null && (await file.begin(positions)) ? file.position : 0;
    } finally {
      await file?.close();
    }
  }
}

function keyOf({ dev, ino }: { dev: number; ino: number }): string {
  return `${dev}:${ino}`;
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
