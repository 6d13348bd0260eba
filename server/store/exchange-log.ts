// The log of exchanges, the source of truth: one line per finished exchange. How lines reach the disk is line-writer.ts's
// business.
import type { Exchange } from '../domain/exchange.js';
import type { LineWriterOptions, LineWriterStatus } from './line-writer-options.js';
import { toLogLine } from './log-line.js';
import { openLineWriter } from './open-line-writer.js';

export type ExchangeLogOptions = LineWriterOptions;
export type ExchangeLogStatus = LineWriterStatus;

export interface ExchangeLog {
  /**
   * Never rejects. Resolves when the whole line is in the file (policy `always`: on the disk); while the disk takes
   * nothing, or after 2 s, the line waits in memory and the promise resolves all the same.
   */
  append(exchange: Exchange): Promise<void>;
  /** Called whenever exchanges have come into the file, before their `append` resolves. */
  onWritten(listener: () => void): void;
  status(): ExchangeLogStatus;
  /**
   * Runs `work` while the file is whole, on the disk and left alone; exchanges that come meanwhile wait. It is opened anew
   * afterwards. One after the other.
   * @throws AppError `storage_unavailable` while the disk takes nothing, the system's error, what `work` throws.
   */
  exclusively<T>(work: () => Promise<T>): Promise<T>;
  /** Opens the path again, for SIGHUP. */
  reopen(): Promise<void>;
  /** Writes and syncs what is left; takes at most 3 s. What is appended later is lost. */
  close(): Promise<void>;
}

/**
 * Opens the log, mending a torn tail. A full or failing disk is no reason not to start: the log is then degraded.
 * @throws ConfigError when no log can ever be written at the path (a folder, no permission, read-only, …).
 */
export async function openExchangeLog(options: ExchangeLogOptions): Promise<ExchangeLog> {
  const writer = await openLineWriter(options, 'MINIVAULT_LOG_FILE');
  return {
    append: async exchange => {
      let line: string;
      try {
        line = toLogLine(exchange);
      } catch (error) {
        options.logger.error('An exchange could not be put into a line', {
          id: exchange.id,
          error: String(error),
        });
        return;
      }
      await writer.append(Buffer.from(line));
    },
    onWritten: listener => writer.onWritten(listener),
    status: () => writer.status(),
    exclusively: work => writer.exclusively(work),
    reopen: () => writer.reopen(),
    close: () => writer.close(),
  };
}
