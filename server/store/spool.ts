// Lines that are not in the file yet, oldest first: the queue of the writer, and its memory while the file takes
// nothing. Knows nothing of files.

export interface SpooledLine {
  /** The whole line with its newline. */
  readonly bytes: Buffer;
  /** Called once, as soon as the line is in the file or nobody should wait for that any longer. */
  release: () => void;
}

export interface SpoolLimits {
  readonly maxLines: number;
  readonly maxBytes: number;
}

export class Spool {
  #lines: SpooledLine[] = [];
  #bytes = 0;

  get length(): number {
    return this.#lines.length;
  }

  /** Length of the oldest line, 0 when there is none. */
  get firstBytes(): number {
    return this.#lines[0]?.bytes.length ?? 0;
  }

  push(line: SpooledLine): void {
    this.#lines.push(line);
    this.#bytes += line.bytes.length;
  }

  /** Takes lines from the front while they fit into `maxBytes` together; at least one. */
  take(maxBytes: number): SpooledLine[] {
    let count = 0;
    let bytes = 0;
    for (const line of this.#lines) {
      if (count > 0 && bytes + line.bytes.length > maxBytes) break;
      bytes += line.bytes.length;
      count++;
    }
    this.#bytes -= bytes;
    return this.#lines.splice(0, count);
  }

  /** Back to the front, in their order. */
  putBack(lines: readonly SpooledLine[]): void {
    this.#lines = [...lines, ...this.#lines];
    for (const line of lines) this.#bytes += line.bytes.length;
  }

  releaseAll(): void {
    for (const line of this.#lines) line.release();
  }

  /** Drops the oldest until the rest is within the limits; returns how many. The newest line always stays. */
  trim({ maxLines, maxBytes }: SpoolLimits): number {
    let dropped = 0;
    for (const line of this.#lines) {
      const rest = this.#lines.length - dropped;
      if (rest <= 1 || (rest <= maxLines && this.#bytes <= maxBytes)) break;
      this.#bytes -= line.bytes.length;
      dropped++;
    }
    this.#lines.splice(0, dropped);
    return dropped;
  }
}
