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
  /** Wait for a free connection, and for a new one to be made; each. */
  readonly acquireTimeoutMs: number;
  readonly deadlineMs: number;
  /** Whether the server can end a query by itself at its deadline; it is then given the time to say so. */
  readonly endsQueries: boolean;
  /** A connection broke or did not answer; called for each. */
  readonly onLost: (fault: string) => void;
}

/** How long after the server's own deadline its silence is taken for a dead connection. */
const SERVER_GRACE_MS = 500;
const RETRY_MS = 1_000;

export class Connections {
  /** Queries within the deadline of the options. */
  readonly db: Kysely<Schema>;
  readonly #options: ConnectionsOptions;
  readonly #pool: pg.Pool;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
    const { target, max, acquireTimeoutMs, deadlineMs, endsQueries } = options;
    this.#pool = new pg.Pool({
      ...target,
      max,
      connectionTimeoutMillis: acquireTimeoutMs,
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

  /** The same connections, with another deadline for each query. */
  within(deadlineMs: number): Kysely<Schema> {
    const connect = (): Promise<PostgresPoolClient> => this.#connect(deadlineMs);
    return new Kysely<Schema>({ dialect: new PostgresDialect({ pool: { connect, end: async () => {} } }) });
  }

  /** Resolves when all are closed: those in use are when they are given back. */
  async close(): Promise<void> {
    if (!this.#pool.ending) await this.#pool.end();
  }

  async #connect(deadlineMs: number): Promise<PostgresPoolClient> {
    const client = await this.#pool.connect().catch((error: Error) => {
      // The pool's word for "all are in use".
      if (error.message === 'timeout exceeded when trying to connect')
        throw unavailable(`All connections to ${this.#options.place.server} are busy`, error);
      throw unavailable(this.#lose(error), error);
    });
    let broken = false;
    const query = async (sql: string, parameters: readonly unknown[]): Promise<pg.QueryResult> => {
      try {
        return await this.#inTime(client.query(sql, [...parameters]), deadlineMs);
      } catch (error) {
        const kind = kindOfFault(error);
        if (kind === 'own') throw error;
        if (kind === 'unable') throw unavailable(describeFault(error, this.#options.place), error);
        broken = true;
        throw unavailable(this.#lose(error), error);
      }
    };
    const { deadlineMs: usualMs, endsQueries } = this.#options;
    const isUnusual = endsQueries && deadlineMs !== usualMs;
    const release = (): void => client.release(broken);
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
        if (!isUnusual || broken) return release();
        void query('reset statement_timeout', []).then(release, release);
      },
    };
  }

  async #inTime<T>(result: Promise<T>, deadlineMs: number): Promise<T> {
    const graceMs = this.#options.endsQueries ? SERVER_GRACE_MS : 0;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('query timeout')), deadlineMs + graceMs);
    });
    try {
      return await Promise.race([result, late]);
    } finally {
      clearTimeout(timer);
      // It may still fail, when its connection is destroyed, and then nobody listens.
      result.catch(() => {});
    }
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
