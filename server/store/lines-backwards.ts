// The whole lines of a file from its end, or a place in it, to its beginning, as bytes. Knows nothing of what they say.
import type { FileHandle } from 'node:fs/promises';
import { readBytes } from './torn-tail.js';

const NEWLINE = 0x0a;
const CHUNK_BYTES = 64 * 1024;
/** A longer line is no line: its bytes are passed over, and not kept in memory. */
const MAX_LINE_BYTES = 1024 * 1024;

export interface PlacedLine {
  /** Without the newline. */
  readonly bytes: Buffer;
  /** Where it begins in the file: whoever reads on backwards goes on from there. */
  readonly start: number;
}

/**
 * The last line first. What follows the last newline before `end` is half a line still, and left out.
 * @throws the system's error.
 */
export async function* readLinesBackwards(handle: FileHandle, end: number): AsyncGenerator<PlacedLine> {
  /** Of the line that reaches into the chunk before; null: its newline has not been seen yet. */
  let rest: Buffer[] | null = null;
  let restBytes = 0;
  for (let to = end; to > 0; ) {
    const from = Math.max(0, to - CHUNK_BYTES);
    const chunk = await readBytes(handle, from, to - from);
    let until = chunk.length;
    for (let newline = chunk.lastIndexOf(NEWLINE); newline >= 0; ) {
      if (rest !== null && restBytes + until - newline - 1 <= MAX_LINE_BYTES) {
        const bytes = Buffer.concat([chunk.subarray(newline + 1, until), ...rest]);
        yield { bytes, start: from + newline + 1 };
      }
      rest = [];
      restBytes = 0;
      until = newline;
      newline = newline === 0 ? -1 : chunk.lastIndexOf(NEWLINE, newline - 1);
    }
    if (rest !== null) {
      restBytes += until;
      rest = restBytes > MAX_LINE_BYTES ? [] : [chunk.subarray(0, until), ...rest];
    }
    to = from;
  }
  if (rest !== null && restBytes > 0 && restBytes <= MAX_LINE_BYTES)
    yield { bytes: Buffer.concat(rest), start: 0 };
}
