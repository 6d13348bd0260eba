// What is too old or too much of this gateway's log goes, the oldest first, from log and database alike. Knows when;
// how, and what is its own, is eraser.ts's business.
import { sql } from 'kysely';
import { AppError } from '../errors.js';
import type { Logger } from '../log.js';
import type { Database } from './database.js';
import type { Eraser } from './eraser.js';
import { bytesOf } from './rotation.js';

const INTERVAL_MS = 3_600_000;
const DAY_MS = 24 * INTERVAL_MS;
/** Erased with one rewrite of the files that hold them. */
const EXCHANGES_AT_ONCE = 10_000;

export interface RetentionOptions {
  /** From the end of an exchange; null: for ever. */
  readonly maxDays: number | null;
  /** Of all files of the log together; null: any number. */
  readonly maxBytes: number | null;
  readonly path: string;
  readonly database: Database;
  readonly eraser: Pick<Eraser, 'erase' | 'ownOf'>;
  readonly logger: Logger;
}

export class Retention {
  readonly #options: RetentionOptions;
  readonly #timer: NodeJS.Timeout;
  readonly #stopListening: () => void;
  #applied: Promise<void> = Promise.resolve();
  #isClosed = false;

  /** Applies itself as soon as the database is ready, then every hour. */
  constructor(options: RetentionOptions) {
    this.#options = options;
    const applyIfReady = (): void => {
      if (options.database.status().state === 'ready') void this.apply();
    };
    this.#timer = setInterval(applyIfReady, INTERVAL_MS).unref();
    this.#stopListening = options.database.onChange(applyIfReady);
    applyIfReady();
  }

  /** One after the other; never rejects. */
  apply(): Promise<void> {
    this.#applied = this.#applied.then(() => this.#apply());
    return this.#applied;
  }

  /** Lets the erasure that runs end. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#stopListening();
    await this.#applied;
  }

  async #apply(): Promise<void> {
    const { maxDays, maxBytes, logger } = this.#options;
    try {
      const old = maxDays === null ? 0 : await this.#eraseBefore(new Date(Date.now() - maxDays * DAY_MS));
      const many = maxBytes === null ? 0 : await this.#eraseBeyond(maxBytes);
      if (old + many > 0) logger.info('Exchanges were erased by retention', { too_old: old, too_many: many });
    } catch (error) {
      const isPassing = error instanceof AppError && error.code === 'storage_unavailable';
      if (!isPassing) logger.warn('Retention could not be applied', { error: String(error) });
    }
  }

  async #eraseBefore(time: Date): Promise<number> {
    const { database, eraser } = this.#options;
    for (let count = 0, passedOver = 0; ; ) {
      const rows = await database.run(db =>
        db
          .selectFrom('exchanges')
          .select('id')
          .where('ended_at', '<', time)
          .orderBy('ended_at')
          .orderBy('id')
          .limit(EXCHANGES_AT_ONCE)
          .offset(passedOver)
          .execute(),
      );
      const own = await eraser.ownOf(rows.map(({ id }) => id));
      await eraser.erase(own);
      count += own.length;
      passedOver += rows.length - own.length;
      if (rows.length < EXCHANGES_AT_ONCE || this.#isClosed) return count;
    }
  }

  async #eraseBeyond(maxBytes: number): Promise<number> {
    const { database, eraser, path } = this.#options;
    const excessBytes = (await bytesOf(path)) - maxBytes;
    let erasedBytes = 0;
    let count = 0;
    let passedOver = 0;
    while (erasedBytes < excessBytes && !this.#isClosed) {
      const { rows } = await database.run(db =>
        sql<{ id: string; bytes: number }>`
          select id, octet_length(line) + 1 as bytes from exchanges order by ended_at, id limit ${EXCHANGES_AT_ONCE} offset ${passedOver}`.execute(
          db,
        ),
      );
      if (rows.length === 0) break;
      const own = new Set(await eraser.ownOf(rows.map(({ id }) => id)));
      passedOver += rows.length - own.size;
      const ids: string[] = [];
      for (const { id, bytes } of rows) {
        if (erasedBytes >= excessBytes) break;
        if (!own.has(id)) continue;
        erasedBytes += bytes;
        ids.push(id);
      }
      await eraser.erase(ids);
      count += ids.length;
    }
    return count;
  }
}
