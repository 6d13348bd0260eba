// A pool of connections that never makes anybody wait for ever: a bounded wait for a free one, a deadline for every
// query, and none that goes back broken. Knows neither tables nor why the database is away.
import { Kysely, PostgresDialect, type PostgresPoolClient } from 'kysely';
import pg from 'pg';
import { AppError } from '../errors.js';
import { type DatabasePlace, describeFault, kindOfFault } from './database-faults.js';
import type { Schema } from './schema.js';

export interface ConnectionsOptions {
  readonly target: pg.ClientConfig;
  readonly place: DatabasePlace;
  readonly max: number;
  /** Wait for a connection that is free. */
  readonly acquireTimeoutMs: number;
  /** For a query; also for a new connection to be made. */
  readonly deadlineMs: number;
  /** Whether the server can end a query by itself at its deadline; it is then given the time to say so. */
  readonly endsQueries: boolean;
  /** A connection broke or did not answer; called for each. */
  readonly onLost: (fault: string) => void;
}

/** How long after the server's own deadline its silence is taken for a dead connection. */
const SERVER_GRACE_MS = 500;
const RETRY_MS = 1_000;
/** What the pool says when all of its connections stayed in use. */
const POOL_TIMEOUT = 'timeout exceeded when trying to connect';

class LateError extends Error {
  constructor() {
    super('timeout');
  }
}

/** @throws LateError when the time is up first. */
async function within<T>(timeoutMs: number, result: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new LateError()), timeoutMs);
  });
  try {
    return await Promise.race([result, late]);
  } finally {
    clearTimeout(timer);
    // It may still fail, and then nobody listens.
    result.catch(() => {});
  }
}

export class Connections {
  /** Queries within the deadline of the options. */
  readonly db: Kysely<Schema>;
  readonly #options: ConnectionsOptions;
  readonly #pool: pg.Pool;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
    const { target, max, deadlineMs, endsQueries } = options;
    this.#pool = new pg.Pool({
      ...target,
      max,
      connectionTimeoutMillis: deadlineMs,
      idleTimeoutMillis: 60_000,
      keepAlive: true,
      application_name: 'minivault',
      ...(endsQueries ? { statement_timeout: deadlineMs } : {}),
    });
    // One that breaks while nobody uses it.
    this.#pool.on('error', error => this.#lose(error));
    // One that breaks between two queries of a transaction: the next query says so.
    this.#pool.on('connect', client => client.on('error', () => {}));
    this.db = this.within(deadlineMs);
  }

  /** The same connections, with another deadline for each query, and if need be another wait for a free one. */
  within(deadlineMs: number, acquireTimeoutMs = this.#options.acquireTimeoutMs): Kysely<Schema> {
    const connect = async (): Promise<PostgresPoolClient> =>
      this.#guard(await this.#acquire(acquireTimeoutMs), deadlineMs);
    return new Kysely<Schema>({ dialect: new PostgresDialect({ pool: { connect, end: async () => {} } }) });
  }

  /** Resolves when all are closed: those in use are when they are given back. */
  async close(): Promise<void> {
    if (!this.#pool.ending) await this.#pool.end();
  }

  async #acquire(timeoutMs: number): Promise<pg.PoolClient> {
    const acquired = this.#pool.connect();
    try {
      return await within(timeoutMs, acquired);
    } catch (error) {
      if (error instanceof LateError || (error as Error).message === POOL_TIMEOUT) {
        // It may come yet, and nobody waits for it any more.
        acquired.then(client => client.release()).catch(late => this.#loseUnlessBusy(late));
        throw unavailable(`${this.#options.place.server} has no connection free`, error);
      }
      if (kindOfFault(error) === 'unable')
        throw unavailable(describeFault(error, this.#options.place), error);
      throw unavailable(this.#lose(error), error);
    }
  }

  async #guard(client: pg.PoolClient, deadlineMs: number): Promise<PostgresPoolClient> {
    const { deadlineMs: usualMs, endsQueries } = this.#options;
    const graceMs = endsQueries ? SERVER_GRACE_MS : 0;
    let broken: unknown = null;
    const query = async (sql: string, parameters: readonly unknown[]): Promise<pg.QueryResult> => {
      // Such as the rollback after it: that would wait for the query that nobody answers.
      if (broken !== null) throw broken;
      try {
        return await within(deadlineMs + graceMs, client.query(sql, [...parameters]));
      } catch (error) {
        const kind = kindOfFault(error);
        if (kind === 'own') throw error;
        if (kind === 'unable') throw unavailable(describeFault(error, this.#options.place), error);
        broken = unavailable(this.#lose(error), error);
        throw broken;
      }
    };
    const isUnusual = endsQueries && deadlineMs !== usualMs;
    const release = (): void => client.release(broken !== null);
    try {
      if (isUnusual) await query(`set statement_timeout = ${deadlineMs}`, []);
    } catch (error) {
      release();
      throw error;
    }
    return {
      // Cursors are not used: one would keep the embedded database's only connection.
      query: query as unknown as PostgresPoolClient['query'],
      release: () => {
        if (!isUnusual || broken !== null) return release();
        void query('reset statement_timeout', []).then(release, release);
      },
    };
  }

  #loseUnlessBusy(error: Error): void {
    if (error.message !== POOL_TIMEOUT && kindOfFault(error) !== 'unable') this.#lose(error);
  }

  #lose(error: unknown): string {
    const fault = describeFault(error, this.#options.place);
    this.#options.onLost(fault);
    return fault;
  }
}

export function unavailable(fault: string, cause?: unknown): AppError {
  return new AppError('storage_unavailable', `${fault}.`, { retryAfterMs: RETRY_MS, cause });
}
