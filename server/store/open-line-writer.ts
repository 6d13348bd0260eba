// Opens a writer of lines for a setting's file. Knows when a file that cannot be opened is the owner's mistake.
import { ConfigError } from '../config.js';
import { LineWriter } from './line-writer.js';
import type { LineWriterOptions } from './line-writer-options.js';

/** Troubles that pass without anybody changing the configuration. */
const PASSING = new Set([
  'ENOSPC',
  'EDQUOT',
  'EIO',
  'EMFILE',
  'ENFILE',
  'ENOMEM',
  'EAGAIN',
  'ESTALE',
  'ETIMEDOUT',
]);

/**
 * Opens the file, mending a torn tail. A full or failing disk is no reason not to start: the writer is then degraded.
 * @param setting the one that names the file
 * @throws ConfigError when no lines can ever be written at the path (a folder, no permission, read-only, …).
 */
export async function openLineWriter(options: LineWriterOptions, setting: string): Promise<LineWriter> {
  const writer = new LineWriter(options);
  try {
    await writer.open();
  } catch (error) {
    if (!PASSING.has((error as NodeJS.ErrnoException).code ?? '')) {
      const cause = error instanceof Error ? error.message : String(error);
      throw new ConfigError([
        `${setting}="${options.path}": ${cause}. Name a file in a folder that this user may write to.`,
      ]);
    }
    writer.startDegraded(error);
  }
  return writer;
}
