// A log of exchanges in a folder of its own, on a disk that may be told to fail.
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { type ExchangeLog, type ExchangeLogOptions, openExchangeLog } from '../store/exchange-log.js';
import { FaultyDisk } from './faulty-disk.js';
import { type DamagedLine, readExchanges } from './read-exchanges.js';
import { type LogEntry, recordingLogger } from './recording-logger.js';
import { tempFolder } from './temp-folder.js';

export interface TestLog {
  readonly log: ExchangeLog;
  readonly file: string;
  readonly disk: FaultyDisk;
  readonly entries: LogEntry[];
}

export interface LogContent {
  readonly ids: string[];
  readonly damaged: DamagedLine[];
}

/** Closed when the test is over. */
export async function openTestLog(options: Partial<ExchangeLogOptions> = {}): Promise<TestLog> {
  const file = options.path ?? path.join(await tempFolder(), 'log.jsonl');
  const disk = new FaultyDisk();
  const { logger, entries } = recordingLogger();
  const log = await openExchangeLog({
    path: file,
    maxBytes: 1e9,
    fsync: 'everysec',
    logger,
    open: disk.open,
    ...options,
  });
  onTestFinished(() => log.close());
  return { log, file, disk, entries };
}

/** All exchanges of all files of the log, in order. */
export async function readLogContent(file: string): Promise<LogContent> {
  const content: LogContent = { ids: [], damaged: [] };
  for await (const { id } of readExchanges(file, damaged => content.damaged.push(damaged)))
    content.ids.push(id);
  return content;
}
