// The path of a log and the file that is open there: opens, mends, reopens, and starts the next file when one is full.
// Knows sizes, not lines; who waits for a line is line-writer.ts's business.
import { open as openFile } from 'node:fs/promises';
import path from 'node:path';
import type { Logger } from '../log.js';
import { LineFile, type OpenFile } from './line-file.js';
import { rotate } from './rotation.js';
import { tornPath } from './torn-tail.js';

const ROTATION_RETRY_MS = 60_000;

export interface RotatingFileOptions {
  readonly path: string;
  /** A file is closed before it would grow beyond this; a longer line gets a file of its own. */
  readonly maxBytes: number;
  readonly synced: boolean;
  readonly logger: Logger;
  /** What the console calls it. */
  readonly name: string;
  readonly open: OpenFile | undefined;
}

export class RotatingFile {
  readonly #options: RotatingFileOptions;
  readonly #logger: Logger;
  #file: LineFile | null = null;
  #mustReopen = false;
  #rotatesAgainAt = 0;
  #tornTails = 0;

  constructor(options: RotatingFileOptions) {
    this.#options = options;
    this.#logger = options.logger;
  }

  /** The file that is open, if any. */
  get current(): LineFile | null {
    return this.#file;
  }

  /** Tails cut off since the start. */
  get tornTails(): number {
    return this.#tornTails;
  }

  /** The descriptor in use is not to be trusted, or no longer the file at the path. */
  get mustReopen(): boolean {
    return this.#mustReopen || (this.#file?.syncFault ?? null) !== null;
  }

  distrust(): void {
    this.#mustReopen = true;
  }

  /**
   * An open file at the path. @throws the system's error; nothing is lost by calling again.
   */
  async ready(): Promise<LineFile> {
    if (this.#file !== null && !this.mustReopen) return this.#file;
    const { path: file, synced, open } = this.#options;
    this.#file =
      this.#file === null ? await LineFile.open(file, { synced, open }) : await this.#file.reopen();
    this.#mustReopen = false;
    this.#rotatesAgainAt = 0;
    if (synced) await syncFolderOf(file);
    this.#reportMended(this.#file);
    return this.#file;
  }

  /** The same, with room for a line of that length unless it is longer than a whole file may be. */
  async withRoom(lineBytes: number): Promise<LineFile> {
    const { path: file, maxBytes, synced } = this.#options;
    const current = await this.ready();
    const isFull = current.size > 0 && current.size + lineBytes > maxBytes;
    if (!isFull || performance.now() < this.#rotatesAgainAt) return current;
    if (synced) await current.sync();
    try {
      await rotate(file);
    } catch (error) {
      this.#rotatesAgainAt = performance.now() + ROTATION_RETRY_MS;
      this.#logger.warn(`The ${this.#options.name} could not be rotated and grows on`, {
        path: file,
        error: String(error),
      });
      return current;
    }
    this.#file = null;
    await current.close();
    return this.ready();
  }

  #reportMended({ mended: { did, bytes } }: LineFile): void {
    const { path: file, name } = this.#options;
    if (did === 'torn') {
      this.#tornTails++;
      this.#logger.warn(`The ${name} ended in half a line, which was moved`, { bytes, to: tornPath(file) });
    } else if (did === 'completed') {
      this.#logger.warn(`The last line of the ${name} lacked only its newline and got it`, { path: file });
    }
  }
}

/** A new name is only safe when its folder is. Never rejects. */
export async function syncFolderOf(file: string): Promise<void> {
  try {
    const handle = await openFile(path.dirname(file), 'r');
    await handle.sync().finally(() => handle.close());
  } catch {
    // Windows and some network file systems refuse; there the name follows when the system likes.
  }
}
