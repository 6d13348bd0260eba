// The rows of a log's file, from where it is read on, in batches that a database takes in some milliseconds. Makes them
// without holding up what else runs on this thread.
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ExchangeRow } from './exchange-row.js';
import type { FollowedFile } from './followed-files.js';
import { type LogLine, readLogLines } from './log-lines.js';

const MAX_LINES = 200;
const MAX_BYTES = 256 * 1024;
/** Lines are turned into rows for so long at a time. */
const SLICE_MS = 2;

export interface RowBatch {
  readonly rows: readonly ExchangeRow[];
  /** Where the next one begins in the file. */
  readonly end: number;
}

/** `toRow` gives null for a line that has none; a batch may be of such lines only. @throws the system's error. */
export async function* readRowBatches(
  { handle, position }: FollowedFile,
  toRow: (line: LogLine) => ExchangeRow | null,
): AsyncGenerator<RowBatch> {
  let rows: ExchangeRow[] = [];
  let start = position;
  let end = position;
  let lineCount = 0;
  let sliceEndsMs = performance.now() + SLICE_MS;
  for await (const lines of readLogLines(handle, position)) {
    for (const line of lines) {
      const row = toRow(line);
      if (row !== null) rows.push(row);
      end = line.end;
      lineCount++;
      if (lineCount >= MAX_LINES || end - start >= MAX_BYTES) {
        yield { rows, end };
        rows = [];
        start = end;
        lineCount = 0;
      }
      if (performance.now() < sliceEndsMs) continue;
      await nextTurn();
      sliceEndsMs = performance.now() + SLICE_MS;
    }
  }
  if (end > start) yield { rows, end };
}
