// Takes exchanges out of the log and out of the database: both, or neither until the next start finishes it. What is
// to go is written down first, then the files of the log are replaced, then the rows go. Knows no reason for it.
import { unlink } from 'node:fs/promises';
import { type Kysely, sql } from 'kysely';
import type { Logger } from '../log.js';
import type { Database } from './database.js';
import type { ExchangeLog } from './exchange-log.js';
import type { LogFollower } from './log-follower.js';
import {
  draftPath,
  findLines,
  readFirstId,
  replaceWithout,
  type Stretch,
  unlinkEmpty,
} from './log-rewrite.js';
import { listLogFiles } from './rotation.js';
import type { Schema } from './schema.js';
import { TornLines } from './torn-lines.js';

/** Deleted in one transaction, which must be short. */
const ROWS_AT_ONCE = 500;
const RETRY_MS = 10_000;

export interface EraserOptions {
  readonly path: string;
  readonly database: Database;
  /** Whoever writes the log. */
  readonly log: Pick<ExchangeLog, 'exclusively'>;
  readonly follower: Pick<LogFollower, 'exclusively' | 'caughtUp'>;
  readonly logger: Logger;
}

export class Eraser {
  readonly #options: EraserOptions;
  #stopListening: () => void = () => {};
  #retryTimer: NodeJS.Timeout | undefined;

  constructor(options: EraserOptions) {
    this.#options = options;
  }

  /** From now on, whenever the database comes, what an earlier run has begun is finished. */
  open(): void {
    const { database } = this.#options;
    const onChange = (): void => {
      if (database.status().state === 'ready') void this.#finishOrRetry();
    };
    this.#stopListening = database.onChange(onChange);
    onChange();
  }

  /**
   * Erases the exchanges with these ids, which are UUIDs; one that is not there is erased already. One call after the
   * other.
   * @throws AppError `storage_unavailable` when database or log do not take it: then nothing has changed, or what has
   * begun is finished as soon as they do. The system's error when a file of the log cannot be replaced.
   */
  async erase(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    const { database, follower } = this.#options;
    await follower.caughtUp();
    await follower.exclusively(async () => {
      const wanted = new Set(ids.map(id => id.toLowerCase()));
      await database.run(db =>
        sql`insert into erasures select unnest(${[...wanted]}::uuid[]) on conflict do nothing`.execute(db),
      );
      await this.#carryOut(wanted).catch(error => {
        this.#retryLater();
        throw error;
      });
    });
  }

  /** Finishes what an earlier run has begun. @throws as `erase` does. */
  async finish(): Promise<void> {
    const { database, follower } = this.#options;
    const pending = await database.run(db => db.selectFrom('erasures').select('id').execute());
    if (pending.length === 0) return;
    await follower.exclusively(() => this.#carryOut(new Set(pending.map(({ id }) => id))));
  }

  close(): void {
    this.#stopListening();
    clearTimeout(this.#retryTimer);
  }

  async #finishOrRetry(): Promise<void> {
    try {
      await this.finish();
    } catch (error) {
      this.#options.logger.warn('An erasure that was begun is not finished yet', { error: String(error) });
      this.#retryLater();
    }
  }

  #retryLater(): void {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => void this.#finishOrRetry(), RETRY_MS).unref();
  }

  async #carryOut(ids: ReadonlySet<string>): Promise<void> {
    const { path, log, database } = this.#options;
    const torn = await TornLines.read(path);
    const rotated = (await listLogFiles(path)).filter(file => file !== path);
    for (const file of rotated) await this.#rewrite(file, ids, torn);
    await log.exclusively(async () => {
      const others = (await listLogFiles(path)).filter(file => !rotated.includes(file));
      for (const file of others) await this.#rewrite(file, ids, torn);
      await torn.erase();
    });
    for (const part of parts([...ids], ROWS_AT_ONCE)) {
      await database.transaction(async db => {
        await sql`delete from exchanges where id = any(${part}::uuid[])`.execute(db);
        await sql`delete from erasures where id = any(${part}::uuid[])`.execute(db);
      });
    }
  }

  async #rewrite(file: string, ids: ReadonlySet<string>, torn: TornLines): Promise<void> {
    await unlink(draftPath(file)).catch(() => undefined);
    const stretches: Stretch[] = [];
    for await (const { bytes, start, end } of findLines(file, ids)) {
      torn.mark(bytes);
      stretches.push({ start, end });
    }
    if (stretches.length === 0) return;
    const { database, path } = this.#options;
    const before = await readFirstId(file);
    const position = before === null ? 0 : await database.run(db => takePosition(db, before));
    await replaceWithout(file, stretches);
    const after = await readFirstId(file);
    if (after !== null) {
      const left = position - bytesBefore(stretches, position);
      await database.run(db => putPosition(db, after, left));
    } else if (file !== path) await unlinkEmpty(file);
  }
}

/** From here on until `putPosition` the file would be read from its start, which is safe whichever file a crash leaves. */
async function takePosition(db: Kysely<Schema>, firstId: string): Promise<number> {
  const row = await db
    .deleteFrom('log_files')
    .where('first_id', '=', firstId)
    .returning('indexed_bytes')
    .executeTakeFirst();
  return Number(row?.indexed_bytes ?? 0);
}

async function putPosition(db: Kysely<Schema>, firstId: string, position: number): Promise<void> {
  await db
    .insertInto('log_files')
    .values({ first_id: firstId, indexed_bytes: position })
    .onConflict(conflict => conflict.column('first_id').doUpdateSet({ indexed_bytes: position }))
    .execute();
}

function bytesBefore(stretches: readonly Stretch[], position: number): number {
  return stretches.filter(({ end }) => end <= position).reduce((sum, { start, end }) => sum + end - start, 0);
}

function* parts<T>(items: readonly T[], size: number): Generator<T[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size);
}
