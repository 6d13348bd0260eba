// The one writer of a file of lines, such as the log: groups lines that wait together into one write, keeps those the disk does not take,
// and tries again. Owns when to write, sync and retry; knows nothing of what a line says.
import { AppError } from '../errors.js';
import type { Logger } from '../log.js';
import type { LineFile } from './line-file.js';
import type { LineWriterOptions, LineWriterStatus } from './line-writer-options.js';
import { RotatingFile } from './rotating-file.js';
import { Spool, type SpooledLine } from './spool.js';

const MEBIBYTE = 1024 * 1024;
const SPOOL_LIMITS = { maxLines: 1_000, maxBytes: 64 * MEBIBYTE };
const MAX_BATCH_BYTES = MEBIBYTE;
const SYNC_INTERVAL_MS = 1_000;
/** More than this is not left to the sync of the second: it is held in memory until then. */
const MAX_UNSYNCED_BYTES = 16 * MEBIBYTE;
const MIN_RETRY_MS = 100;
const MAX_RETRY_MS = 5_000;
const STALL_TIMEOUT_MS = 2_000;
const CLOSE_TIMEOUT_MS = 3_000;
const MAX_VANISHED = 3;

export class LineWriter {
  readonly #options: LineWriterOptions;
  readonly #logger: Logger;
  readonly #name: string;
  readonly #file: RotatingFile;
  readonly #spool = new Spool();
  readonly #listeners = new Set<() => void>();
  #inFlight: readonly SpooledLine[] = [];
  #isPumping = false;
  /** Somebody else has the file, or waits for it. */
  #holds = 0;
  #held: Promise<unknown> = Promise.resolve();
  #pumped = Promise.resolve();
  /** Consecutive attempts that failed; 0 while all is well. */
  #failures = 0;
  /** Between a failure and the next attempt. */
  #isPaused = false;
  #isStalled = false;
  #isClosed = false;
  #vanished = 0;
  #retryTimer: NodeJS.Timeout | undefined;
  #syncTimer: NodeJS.Timeout | undefined;
  #dropped = 0;
  #reportedDropped = 0;
  #lastError: string | null = null;

  constructor(options: LineWriterOptions) {
    this.#options = options;
    this.#logger = options.logger;
    this.#name = options.name ?? 'log';
    this.#file = new RotatingFile({
      path: options.path,
      maxBytes: options.maxBytes,
      synced: options.fsync !== 'no',
      logger: options.logger,
      name: this.#name,
      open: options.open,
    });
  }

  /** Opens the file now. @throws the system's error. */
  async open(): Promise<void> {
    await this.#file.ready();
  }

  /** Begins without a file that could not be opened. */
  startDegraded(error: unknown): void {
    this.#fail(error);
  }

  status(): LineWriterStatus {
    const degraded = this.#isDegraded();
    return {
      degraded,
      spooled: degraded ? this.#spool.length + this.#inFlight.length : 0,
      dropped: this.#dropped,
      tornTails: this.#file.tornTails,
      bytes: this.#file.current?.size ?? 0,
      lastError: this.#lastError,
    };
  }

  /**
   * Resolves when the line is whole in the file, and on the disk where the policy is `always`; or, while the disk
   * takes nothing, as soon as it is spooled. Never rejects.
   */
  append(bytes: Buffer): Promise<void> {
    return new Promise(resolve => {
      if (this.#isClosed) {
        this.#dropped++;
        this.#logger.error(`A line came after the ${this.#name} was closed and is lost`);
        resolve();
        return;
      }
      this.#spool.push({ bytes, release: resolve });
      if (this.#isDegraded()) this.#releaseSpooled();
      this.#wake();
    });
  }

  /** Called whenever lines have come into the file, before their `append` resolves. */
  onWritten(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** Opens the path again: for SIGHUP, after somebody moved the file. Resolves when that was tried. */
  async reopen(): Promise<void> {
    this.#file.distrust();
    this.#wake();
    await this.#pumped;
  }

  /**
   * Runs `work` while all that was appended is in the file, on the disk, and nothing is written; lines that come
   * meanwhile wait. The file is opened anew afterwards. One after the other.
   * @throws AppError `storage_unavailable` while the disk takes nothing, the system's error, what `work` throws.
   */
  exclusively<T>(work: () => Promise<T>): Promise<T> {
    this.#holds++;
    const turn = this.#held.then(async () => {
      const watchdog = setTimeout(() => this.#stall(), STALL_TIMEOUT_MS).unref();
      try {
        await this.#pumped;
        if (this.#isDegraded() || this.#isClosed)
          throw new AppError('storage_unavailable', `The ${this.#name} cannot be written now.`);
        if (this.#options.fsync !== 'no') await this.#file.current?.sync();
        return await work();
      } finally {
        clearTimeout(watchdog);
        this.#isStalled = false;
        this.#file.distrust();
        this.#holds--;
        this.#wake();
      }
    });
    this.#held = turn.catch(() => undefined);
    return turn;
  }

  /** Writes and syncs what is left, with one more attempt if the disk takes nothing; gives up after 3 s. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#syncTimer);
    let timer: NodeJS.Timeout | undefined;
    const timeUp = new Promise<void>(resolve => {
      timer = setTimeout(resolve, CLOSE_TIMEOUT_MS);
    });
    await Promise.race([this.#flush(), timeUp]);
    clearTimeout(timer);
    const lost = this.#spool.length + this.#inFlight.length;
    if (lost === 0) return;
    this.#spool.releaseAll();
    this.#dropped += lost;
    this.#logger.error(`The ${this.#name} could not be written to its end`, { lost, error: this.#lastError });
  }

  async #flush(): Promise<void> {
    await this.#held;
    await this.#tryNow();
    if (this.#options.fsync !== 'no') {
      await this.#file.current?.sync().catch((error: unknown) => this.#fail(error));
      await this.#tryNow();
    }
    await this.#file.current?.close();
  }

  async #tryNow(): Promise<void> {
    await this.#pumped;
    this.#isPaused = false;
    this.#wake();
    await this.#pumped;
  }

  #isDegraded(): boolean {
    return this.#failures > 0 || this.#isStalled;
  }

  #wake(): void {
    if (this.#isPumping || this.#isPaused || this.#holds > 0) return;
    this.#isPumping = true;
    this.#pumped = this.#pump();
  }

  async #pump(): Promise<void> {
    const hasWork = () => this.#spool.length > 0 || this.#failures > 0 || this.#file.mustReopen;
    while (!this.#isPaused && this.#holds === 0 && hasWork()) {
      const watchdog = setTimeout(() => this.#stall(), STALL_TIMEOUT_MS).unref();
      try {
        await this.#step();
      } catch (error) {
        this.#fail(error);
      }
      clearTimeout(watchdog);
      this.#isStalled = false;
    }
    this.#isPumping = false;
  }

  async #step(): Promise<void> {
    if (this.#failures > 0) this.#file.distrust();
    if (this.#spool.length > 0) await this.#writeBatch(await this.#file.withRoom(this.#spool.firstBytes));
    else await this.#file.ready();
    if (this.#failures > 0 && !this.#isPaused) {
      this.#failures = 0;
      this.#logger.info(`The ${this.#name} is written again`, { path: this.#options.path });
    }
  }

  async #writeBatch(file: LineFile): Promise<void> {
    if (file.unsyncedBytes > MAX_UNSYNCED_BYTES) await file.sync();
    const room = Math.max(1, this.#options.maxBytes - file.size);
    this.#inFlight = this.#spool.take(Math.min(room, MAX_BATCH_BYTES));
    try {
      await this.#write(file, this.#inFlight);
    } finally {
      this.#inFlight = [];
    }
  }

  async #write(file: LineFile, batch: readonly SpooledLine[]): Promise<void> {
    const lines = batch.map(({ bytes }) => bytes);
    const { written, error } = await file.append(lines);
    if (error !== null) {
      release(batch.slice(0, written));
      this.#spool.putBack(batch.slice(written));
      throw error;
    }
    const whereabouts = await file.whereabouts(lines);
    for (const listener of this.#listeners) listener();
    if (whereabouts !== 'here') this.#file.distrust();
    if (whereabouts === 'gone') {
      this.#spool.putBack(batch);
      this.#vanished++;
      if (this.#vanished % MAX_VANISHED === 0)
        throw new Error(`The ${this.#name} vanishes as fast as it is written`);
      return;
    }
    this.#vanished = 0;
    if (this.#options.fsync === 'always') await file.sync().finally(() => release(batch));
    else release(batch);
    if (this.#options.fsync === 'everysec') this.#syncSoon();
  }

  #syncSoon(): void {
    this.#syncTimer ??= setTimeout(() => {
      this.#syncTimer = undefined;
      const file = this.#file.current;
      file?.sync().catch((error: unknown) => {
        if (this.#file.current === file) this.#fail(error);
      });
    }, SYNC_INTERVAL_MS).unref();
  }

  #fail(error: unknown): void {
    const { path } = this.#options;
    const what = `The ${this.#name} cannot be written`;
    this.#lastError = error instanceof Error ? error.message : String(error);
    if (this.#failures === 0) {
      this.#logger.error(`${what}; its lines wait in memory`, { path, error: this.#lastError });
    }
    this.#failures++;
    this.#releaseSpooled();
    if (this.#dropped > this.#reportedDropped) {
      this.#reportedDropped = this.#dropped;
      this.#logger.error(`${what} and its spool is full`, { path, dropped: this.#dropped });
    }
    this.#isPaused = true;
    if (this.#isClosed) return;
    clearTimeout(this.#retryTimer);
    const delayMs = Math.min(MAX_RETRY_MS, MIN_RETRY_MS * 2 ** (this.#failures - 1));
    this.#retryTimer = setTimeout(() => {
      this.#isPaused = false;
      this.#wake();
    }, delayMs).unref();
  }

  /** A disk that does not answer must not hold up the answer to a client. */
  #stall(): void {
    this.#isStalled = true;
    this.#lastError = `The ${this.#name} has not answered for ${STALL_TIMEOUT_MS} ms`;
    this.#logger.error(this.#lastError, { path: this.#options.path });
    release(this.#inFlight);
    this.#releaseSpooled();
  }

  #releaseSpooled(): void {
    this.#spool.releaseAll();
    this.#dropped += this.#spool.trim(SPOOL_LIMITS);
  }
}

function release(lines: readonly SpooledLine[]): void {
  for (const line of lines) line.release();
}
