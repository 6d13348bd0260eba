// The `.torn` file of a log, where beginnings of lines are kept that a crash cut off: what of it belongs to an exchange
// goes with it. Knows neither ids nor the database.
import { open } from 'node:fs/promises';
import { readLogLines } from './log-lines.js';
import { replaceWithout, type Stretch, unlinkEmpty } from './log-rewrite.js';
import { tornPath } from './torn-tail.js';

interface Beginning extends Stretch {
  readonly bytes: Buffer;
}

export class TornLines {
  readonly #file: string;
  readonly #beginnings: readonly Beginning[];
  readonly #erased = new Set<Beginning>();

  private constructor(file: string, beginnings: readonly Beginning[]) {
    this.#file = file;
    this.#beginnings = beginnings;
  }

  /** @throws the system's error; a log without torn lines has none. */
  static async read(logPath: string): Promise<TornLines> {
    const file = tornPath(logPath);
    const beginnings: Beginning[] = [];
    const handle = await open(file, 'r').catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
      return null;
    });
    if (handle === null) return new TornLines(file, beginnings);
    try {
      for await (const lines of readLogLines(handle)) beginnings.push(...lines);
    } finally {
      await handle.close();
    }
    return new TornLines(file, beginnings);
  }

  /** This whole line is to go: so must what it once began with. */
  mark(line: Buffer): void {
    for (const beginning of this.#beginnings) {
      const { length } = beginning.bytes;
      if (length > 0 && line.subarray(0, length).equals(beginning.bytes)) this.#erased.add(beginning);
    }
  }

  /** @throws the system's error, with the file as it was. */
  async erase(): Promise<void> {
    if (this.#erased.size === 0) return;
    await replaceWithout(
      this.#file,
      this.#beginnings.filter(beginning => this.#erased.has(beginning)),
    );
    await unlinkEmpty(this.#file);
  }
}
