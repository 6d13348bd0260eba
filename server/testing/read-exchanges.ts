// Reads the whole log, all its files, oldest exchange first. Knows nothing of who is writing.
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream';
import split2 from 'split2';
import type { Exchange } from '../domain/exchange.js';
import { fromLogLine } from '../store/log-line.js';
import { listLogFiles } from '../store/rotation.js';

export interface DamagedLine {
  readonly file: string;
  readonly line: string;
  readonly error: unknown;
}

/**
 * A line that is no exchange goes to `onDamaged` and is passed over. Read while the log is being written, the last
 * line may be one of those.
 * @throws the system's error when a file cannot be read; a log that is not there has no exchanges.
 */
export async function* readExchanges(
  logPath: string,
  onDamaged: (damaged: DamagedLine) => void,
): AsyncGenerator<Exchange> {
  for (const file of await listLogFiles(logPath)) {
    // Not node:readline, which also breaks lines at U+2028, a character JSON does not escape.
    const lines = pipeline(createReadStream(file), split2(), () => undefined);
    for await (const line of lines as AsyncIterable<string>) {
      const exchange = parse(line, error => onDamaged({ file, line, error }));
      if (exchange !== null) yield exchange;
    }
  }
}

function parse(line: string, onError: (error: unknown) => void): Exchange | null {
  try {
    return fromLogLine(line);
  } catch (error) {
    onError(error);
    return null;
  }
}
