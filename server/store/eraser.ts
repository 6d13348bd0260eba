// Takes exchanges out of the log and out of the database: both, or neither until the next start finishes it. What is
// to go is written down first, then the files of the log are replaced, then the rows go. Knows no reason for it.
import { unlink } from 'node:fs/promises';
import { type Kysely, sql } from 'kysely';
import { AppError } from '../errors.js';
import type { Logger } from '../log.js';
import type { Database } from './database.js';
import type { ExchangeLog } from './exchange-log.js';
import type { LogFollower } from './log-follower.js';
import { findInLog } from './log-membership.js';
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
  /** The database may have exchanges of other gateways' logs: those are not to be erased here. Default: false. */
  readonly isShared?: boolean;
  /** Whoever writes the log. */
  readonly log: Pick<ExchangeLog, 'exclusively'>;
  readonly follower: Pick<LogFollower, 'exclusively' | 'caughtUp'>;
  readonly logger: Logger;
}

export class Eraser {
  readonly #options: EraserOptions;
  #stopListening: () => void = () => {};
  #retryTimer: NodeJS.Timeout | undefined;
  /** Was found in this log, whatever of it is left there, and is not finished. */
  readonly #begun = new Set<string>();

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
   * @throws AppError `exchange_elsewhere`, with nothing changed, when one of them is in another gateway's log. AppError
   * `storage_unavailable` when database or log do not take it, or a file of the log cannot be replaced: then nothing
   * has changed, or what has begun is finished as soon as they do.
   */
  async erase(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    try {
      await this.#erase(ids);
    } catch (error) {
      throw isSystemError(error) ? unwritable(error) : error;
    }
  }

  async #erase(ids: readonly string[]): Promise<void> {
    const { database, follower } = this.#options;
    await follower.caughtUp();
    await follower.exclusively(async () => {
      const wanted = new Set(ids.map(id => id.toLowerCase()));
      const own = await this.#requireOwn(wanted);
      if (own.size === 0) return;
      for (const id of own) this.#begun.add(id);
      await database.run(db =>
        sql`insert into erasures select unnest(${[...own]}::uuid[]) on conflict do nothing`.execute(db),
      );
      await this.#carryOut(own, own).catch(error => {
        this.#retryLater();
        throw error;
      });
    });
  }

  /**
   * Those of the ids that are not in another gateway's log, as far as can be told: what is in no log at all counts as
   * another's where there may be others. @throws as `erase` does, or the system's error.
   */
  async ownOf(ids: readonly string[]): Promise<string[]> {
    const { isShared = false, path, log } = this.#options;
    if (!isShared || ids.length === 0) return [...ids];
    const found = await findInLog(path, log, new Set(ids.map(id => id.toLowerCase())));
    return ids.filter(id => found.has(id.toLowerCase()));
  }

  /**
   * Finishes what an earlier run has begun. Of what another gateway has begun only the rows go: the intent stays until
   * that one has been through its own log. @throws as `erase` does, or the system's error.
   */
  async finish(): Promise<void> {
    const { database, follower } = this.#options;
    const pending = await database.run(db => db.selectFrom('erasures').select('id').execute());
    if (pending.length === 0) return;
    const ids = pending.map(({ id }) => id);
    await follower.exclusively(async () => {
      const own = [...(await this.ownOf(ids)), ...this.#begun];
      await this.#carryOut(new Set(ids), new Set(own));
    });
  }

  close(): void {
    this.#stopListening();
    clearTimeout(this.#retryTimer);
  }

  /** Those that are to be erased here: what is neither own nor in the database is erased already. */
  async #requireOwn(ids: ReadonlySet<string>): Promise<Set<string>> {
    const own = new Set(await this.ownOf([...ids]));
    for (const id of ids) if (this.#begun.has(id)) own.add(id);
    const others = [...ids].filter(id => !own.has(id));
    if (others.length === 0) return own;
    const elsewhere = await this.#options.database.run(db =>
      db
        .selectFrom('exchanges')
        .select('id')
        .where(sql<boolean>`id = any(${others}::uuid[])`)
        .limit(1)
        .executeTakeFirst(),
    );
    if (elsewhere === undefined) return own;
    throw new AppError(
      'exchange_elsewhere',
      `Exchange ${elsewhere.id} is not in this gateway's log but in that of another one that shares the database: ask that one to erase it.`,
    );
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

  /** Of the ids, `own` are those whose intent is withdrawn when they are gone. */
  async #carryOut(ids: ReadonlySet<string>, own: ReadonlySet<string>): Promise<void> {
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
        await sql`delete from erasures where id = any(${part.filter(id => own.has(id))}::uuid[])`.execute(db);
      });
    }
    for (const id of own) this.#begun.delete(id);
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

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return (
    error instanceof Error &&
    !(error instanceof AppError) &&
    /^E[A-Z]+$/.test(String(Reflect.get(error, 'code')))
  );
}

function unwritable(cause: NodeJS.ErrnoException): AppError {
  const message = `The log cannot be read or written now (${cause.code}); what was begun is finished as soon as it can.`;
  return new AppError('storage_unavailable', message, { retryAfterMs: RETRY_MS, cause });
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
