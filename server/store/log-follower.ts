// Fills the table of exchanges from the log, and nothing else does: reads each file on from where the database says,
// and writes rows and position in one transaction. Knows neither who appends nor who asks.
import { sql } from 'kysely';
import type { Logger } from '../log.js';
import type { Database } from './database.js';
import { type ExchangeRow, type LanguageOf, toExchangeRow } from './exchange-row.js';
import { type FollowedFile, FollowedFiles } from './followed-files.js';
import { putIntoDatabase } from './insert-exchanges.js';
import type { LogLine } from './log-lines.js';
import { type RowBatch, readRowBatches } from './row-batches.js';

const LOOK_INTERVAL_MS = 1_000;
const MIN_RETRY_MS = 250;
const MAX_RETRY_MS = 5_000;
const CATCH_UP_TIMEOUT_MS = 1_000;
const CLOSE_TIMEOUT_MS = 2_000;
/** What search falls back to where the database does not know a language. */
const NO_LANGUAGE = 'simple';

export interface LogFollowerOptions {
  /** The log that is being written; its rotated files lie beside it. */
  readonly path: string;
  readonly database: Database;
  /** Called once, before the first line is read. */
  readonly loadLanguageOf: () => Promise<LanguageOf>;
  readonly logger: Logger;
}

export interface LogFollowerStatus {
  /** Exchanges put into the database, or found there, since the start. */
  readonly indexed: number;
  /** When the last of them was. */
  readonly lastIndexedAt: Date | null;
  /** Lines passed over since the start: no exchange, or one that the database does not take. */
  readonly damaged: number;
  /** Why it does not get on; null while it does, also while the database is away. */
  readonly fault: string | null;
}

export class LogFollower {
  readonly #options: LogFollowerOptions;
  readonly #files: FollowedFiles;
  readonly #stopListening: () => void;
  readonly #timer: NodeJS.Timeout;
  #positions = new Map<string, number>();
  #erasures = new Set<string>();
  #languageOf: LanguageOf | null = null;
  #languages = new Set<string>();
  /** What is in memory is not known to be what is in the database. */
  #mustLoad = true;
  #mustReadAll = true;
  #isWoken = false;
  #isRunning = false;
  #run = Promise.resolve();
  #exclusive: Promise<unknown> = Promise.resolve();
  #holds = 0;
  #isClosed = false;
  #waiting: ((isDone: boolean) => void)[] = [];
  #failures = 0;
  #retryAtMs = 0;
  #retryTimer: NodeJS.Timeout | undefined;
  #indexed = 0;
  #lastIndexedAt: Date | null = null;
  #damaged = 0;
  #fault: string | null = null;

  constructor(options: LogFollowerOptions) {
    this.#options = options;
    this.#files = new FollowedFiles(options.path);
    this.#stopListening = options.database.onChange(({ state }) => {
      this.#mustLoad = true;
      this.#retryAtMs = 0;
      if (state === 'ready') this.wake();
    });
    this.#timer = setInterval(() => {
      this.#mustReadAll = true;
      this.wake();
    }, LOOK_INTERVAL_MS).unref();
    this.wake();
  }

  status(): LogFollowerStatus {
    return {
      indexed: this.#indexed,
      lastIndexedAt: this.#lastIndexedAt,
      damaged: this.#damaged,
      fault: this.#fault,
    };
  }

  /** Bytes of the log, and of those the ones not in the database. @throws the system's error. */
  async measure(): Promise<{ bytes: number; unreadBytes: number }> {
    return this.#files.measure(this.#positions);
  }

  /** Something may have been appended. */
  wake(): void {
    this.#isWoken = true;
    if (this.#isRunning || this.#holds > 0 || this.#isClosed) return;
    this.#isRunning = true;
    this.#run = this.#runOn();
  }

  /**
   * Resolves with true as soon as what is in the log now is in the database; with false when that takes longer than
   * `timeoutMs`, or cannot be, as the database is away.
   */
  async caughtUp(timeoutMs = CATCH_UP_TIMEOUT_MS): Promise<boolean> {
    if (this.#isClosed || this.#options.database.status().state !== 'ready') return false;
    if (!this.#isRunning && !this.#isWoken) return this.#fault === null;
    let timer: NodeJS.Timeout | undefined;
    const isDone = await new Promise<boolean>(resolve => {
      this.#waiting.push(resolve);
      timer = setTimeout(() => resolve(false), timeoutMs);
      this.wake();
    });
    clearTimeout(timer);
    return isDone;
  }

  /**
   * Runs `work` while nothing is read or written here, one after the other; then goes on from what the database says
   * about positions and erasures.
   */
  exclusively<T>(work: () => Promise<T>): Promise<T> {
    this.#holds++;
    const turn = this.#exclusive.then(async () => {
      await this.#run;
      try {
        return await work();
      } finally {
        await this.#files.drop();
        this.#mustLoad = true;
        this.#holds--;
        this.wake();
      }
    });
    this.#exclusive = turn.catch(() => undefined);
    return turn;
  }

  /** Catches up and stops; what takes longer than 2 s is left to the next start. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.wake();
    await this.caughtUp(CLOSE_TIMEOUT_MS);
    this.#isClosed = true;
    clearTimeout(this.#retryTimer);
    this.#stopListening();
    for (const release of this.#waiting.splice(0)) release(false);
    await this.#files.close();
  }

  async #runOn(): Promise<void> {
    while (this.#isWoken && this.#holds === 0 && !this.#isClosed) {
      this.#isWoken = false;
      const served = this.#waiting.splice(0);
      let isDone = false;
      try {
        isDone = await this.#pass();
      } catch (error) {
        this.#fail(error);
      }
      // Whoever has come in between is waited for, too.
      if (this.#holds > 0) this.#waiting.unshift(...served);
      else for (const release of served) release(isDone);
    }
    this.#isRunning = false;
  }

  /** False when it could not read everything. */
  async #pass(): Promise<boolean> {
    const { database } = this.#options;
    if (await this.#files.look()) this.#mustReadAll = true;
    if (database.status().state !== 'ready' || performance.now() < this.#retryAtMs) return false;
    if (this.#mustLoad) await this.#load();
    const all = this.#mustReadAll;
    this.#mustReadAll = false;
    for await (const file of this.#files.unread(all)) {
      if (!(await this.#follow(file))) {
        this.#mustReadAll ||= all;
        this.#isWoken = true;
        return false;
      }
    }
    if (this.#failures > 0) this.#options.logger.info('The database takes exchanges again');
    this.#failures = 0;
    this.#fault = null;
    return true;
  }

  async #load(): Promise<void> {
    this.#languageOf ??= await this.#options.loadLanguageOf();
    const loaded = await this.#options.database.run(async db => ({
      positions: await db.selectFrom('log_files').selectAll().execute(),
      erasures: await db.selectFrom('erasures').select('id').execute(),
      languages: await sql<{ name: string }>`select cfgname as name from pg_ts_config`.execute(db),
    }));
    this.#mustLoad = false;
    this.#mustReadAll = true;
    this.#files.forget();
    this.#positions = new Map(
      loaded.positions.map(({ first_id, indexed_bytes }) => [first_id, Number(indexed_bytes)]),
    );
    this.#erasures = new Set(loaded.erasures.map(({ id }) => id));
    this.#languages = new Set(loaded.languages.rows.map(({ name }) => name));
  }

  /** Reads the file to its end; false when somebody else must come first. */
  async #follow(file: FollowedFile): Promise<boolean> {
    if (!(await file.begin(this.#positions))) return true;
    // The database takes one batch while the next one is made.
    let writing = Promise.resolve();
    try {
      for await (const batch of readRowBatches(file, line => this.#toRow(line, file))) {
        await writing;
        if (this.#holds > 0 || this.#isClosed) return false;
        writing = this.#write(file, batch);
        writing.catch(() => undefined);
      }
    } finally {
      await writing;
    }
    return true;
  }

  #toRow(line: LogLine, file: FollowedFile): ExchangeRow | null {
    try {
      const row = toExchangeRow(line.bytes, this.#languageOf ?? (() => NO_LANGUAGE));
      if (this.#erasures.has(row.id)) return null;
      return this.#languages.has(row.language) ? row : { ...row, language: NO_LANGUAGE };
    } catch (error) {
      this.#passOver(`${file.firstId}:${line.start}`, error);
      return null;
    }
  }

  async #write(file: FollowedFile, { rows, end }: RowBatch): Promise<void> {
    const { firstId } = file;
    if (firstId === null) return;
    const refused = await putIntoDatabase(this.#options.database, { rows, firstId, end });
    for (const { row, error } of refused) this.#passOver(row.id, error);
    this.#indexed += rows.length - refused.length;
    file.advance(end);
    this.#positions.set(firstId, end);
    if (rows.length > 0) this.#lastIndexedAt = new Date();
  }

  #passOver(what: string, error: unknown): void {
    this.#damaged++;
    this.#options.logger.warn('A line of the log is not in the database', {
      line: what,
      error: reason(error),
    });
  }

  #fail(error: unknown): void {
    if (this.#isClosed) return;
    this.#mustLoad = true;
    this.#fault = reason(error);
    if (this.#failures === 0) {
      this.#options.logger.warn('Exchanges wait in the log: the database does not take them', {
        error: this.#fault,
      });
    }
    const delayMs = Math.min(MAX_RETRY_MS, MIN_RETRY_MS * 2 ** this.#failures);
    this.#failures++;
    this.#retryAtMs = performance.now() + delayMs;
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => this.wake(), delayMs + 1).unref();
  }
}

function reason(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, 300);
}
