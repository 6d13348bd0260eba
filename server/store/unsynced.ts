// What was written to a file and is not yet known to be on the disk. Knows neither paths nor lines.
import type { FileHandle } from 'node:fs/promises';

export class Unsynced {
  #chunks: Buffer[] = [];
  #bytes = 0;
  #position: number | null;

  /** `position`: where the next chunk will lie in the file. */
  constructor(position: number) {
    this.#position = position;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get chunks(): readonly Buffer[] {
    return this.#chunks;
  }

  /** Where the chunks begin in the file, one after the other; null when a stranger has changed the file since. */
  get position(): number | null {
    return this.#position;
  }

  add(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
  }

  /** The first `count` chunks have reached the disk. */
  confirm(count: number): void {
    for (const chunk of this.#chunks.splice(0, count)) {
      this.#bytes -= chunk.length;
      if (this.#position !== null) this.#position += chunk.length;
    }
  }

  forgetPosition(): void {
    this.#position = null;
  }

  /**
   * Writes the same bytes once more, which makes the system try again to save them, syncs and closes the handle.
   * @throws the system's error.
   */
  async writeAgain(handle: FileHandle, position: number): Promise<void> {
    const bytes = Buffer.concat(this.#chunks);
    try {
      let written = 0;
      while (written < bytes.length) {
        written += (await handle.write(bytes, written, bytes.length - written, position + written))
          .bytesWritten;
      }
      await handle.datasync();
    } finally {
      await handle.close();
    }
  }
}
