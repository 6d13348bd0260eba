// What the writer of lines is told and what it tells. Types only.
import type { Logger } from '../log.js';
import type { OpenFile } from './line-file.js';

export type FsyncPolicy = 'everysec' | 'always' | 'no';

export interface LineWriterOptions {
  readonly path: string;
  /** A file is closed before it would grow beyond this; a longer line gets a file of its own. */
  readonly maxBytes: number;
  /** `everysec`: at most a second after the write, beside other writes. `always`: before `append` resolves. */
  readonly fsync: FsyncPolicy;
  readonly logger: Logger;
  /** What the console calls it. Default: log. */
  readonly name?: string;
  /** Default: node's. */
  readonly open?: OpenFile | undefined;
}

export interface LineWriterStatus {
  /** The disk does not take what is written; lines are kept in memory. */
  readonly degraded: boolean;
  /** Lines in memory because of that. */
  readonly spooled: number;
  /** Lines given up since the start: the oldest of more than 1,000 (or 64 MiB) spooled, or what was left at the end. */
  readonly dropped: number;
  /** Tails cut off since the start, their bytes kept in `<log>.torn`. */
  readonly tornTails: number;
  /** Size of the file being written. */
  readonly bytes: number;
  /** The latest trouble, also when it is over. */
  readonly lastError: string | null;
}
