// The whole lines of a file from a position on, as bytes. Knows neither exchanges nor who is writing.
import type { FileHandle } from 'node:fs/promises';
import { readBytes } from './torn-tail.js';

const NEWLINE = 0x0a;
const CHUNK_BYTES = 256 * 1024;
/** No exchange is that long: of a longer line only the beginning is kept, which is then no JSON. */
const MAX_LINE_BYTES = 64 * 1024 * 1024;

export interface LogLine {
  /** Without the newline. */
  readonly bytes: Buffer;
  /** Where it begins in the file. */
  readonly start: number;
  /** Where the next one begins. */
  readonly end: number;
}

/**
 * Yields the lines of each chunk that is read, until the file ends; what follows the last newline is left for later.
 * `from` must be where a line begins.
 * @throws the system's error.
 */
export async function* readLogLines(handle: FileHandle, from = 0): AsyncGenerator<readonly LogLine[]> {
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  let start = from;
  for (let position = from; ; ) {
    const chunk = await readBytes(handle, position, CHUNK_BYTES);
    if (chunk.length === 0) return;
    const lines: LogLine[] = [];
    let at = 0;
    for (;;) {
      const newline = chunk.indexOf(NEWLINE, at);
      if (newline === -1) break;
      const end = position + newline + 1;
      lines.push({ bytes: Buffer.concat([...pending, chunk.subarray(at, newline)]), start, end });
      pending = [];
      pendingBytes = 0;
      start = end;
      at = newline + 1;
    }
    if (pendingBytes < MAX_LINE_BYTES) {
      pending.push(chunk.subarray(at));
      pendingBytes += chunk.length - at;
    }
    position += chunk.length;
    if (lines.length > 0) yield lines;
  }
}

/** The first whole line of the file; null when it has none yet. */
export async function readFirstLine(handle: FileHandle): Promise<LogLine | null> {
  for await (const [line] of readLogLines(handle)) return line ?? null;
  return null;
}
