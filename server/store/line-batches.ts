// The lines of a whole log, some at a time. Knows neither exchanges nor a database.
import { open } from 'node:fs/promises';
import { readLogLines } from './log-lines.js';
import { listLogFiles } from './rotation.js';

const LINES_AT_ONCE = 500;

/**
 * Yields the lines of all files of the log, oldest first, without their newlines.
 * @throws the system's error.
 */
export async function* readLineBatches(path: string): AsyncGenerator<Buffer[]> {
  let batch: Buffer[] = [];
  for (const file of await listLogFiles(path)) {
    const handle = await open(file, 'r');
    try {
      for await (const lines of readLogLines(handle)) {
        for (const { bytes } of lines) {
          batch.push(bytes);
          if (batch.length < LINES_AT_ONCE) continue;
          yield batch;
          batch = [];
        }
      }
    } finally {
      await handle.close();
    }
  }
  if (batch.length > 0) yield batch;
}
