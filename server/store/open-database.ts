// Opens the database, a PostgreSQL by its URL or the one embedded in the data folder, and keeps it open: what breaks is
// opened again, for ever. Knows no table but by migrating them.
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { HeldError } from '../locks/folder-lock.js';
import type { Logger } from '../log.js';
import { Connections, unavailable } from './connections.js';
import type { Database, DatabaseState, DatabaseStatus, QueryOptions } from './database.js';
import { type DatabaseSource, embeddedSource, postgresSource, RefusedError } from './database-sources.js';
import { migrate, NewerSchemaError } from './migrate.js';
import { startUpkeep } from './upkeep.js';
import { ensureVectorTables } from './vector-tables.js';

export interface DatabaseOptions {
  /** Of a PostgreSQL; null for the embedded one. */
  readonly url: string | null;
  /** Of the embedded one. */
  readonly folder: string;
  readonly logger: Logger;
  /** For a query, from when it is sent, and for a new connection. Default 5 s. */
  readonly deadlineMs?: number;
  /** For a connection to be free. Default 1 s, for the embedded one 3 s. */
  readonly acquireTimeoutMs?: number;
  /** At once; the embedded one has one. Default 8. */
  readonly maxConnections?: number;
}

const DEADLINE_MS = 5_000;
const MAX_CONNECTIONS = 8;
const FIRST_DELAY_MS = 250;
const MAX_DELAY_MS = 10_000;
/** After so long in peace the next loss is the first one again. */
const STEADY_MS = 10_000;
/** A large table may have to be rewritten, or another gateway does that and this one waits. */
const MIGRATION_DEADLINE_MS = 3_600_000;
const LAST_QUERIES_TIMEOUT_MS = 2_000;

/**
 * Returns at once; the database is `opening` until it can be used.
 * @throws HeldError when another process has the embedded database's folder.
 */
export function openDatabase(options: DatabaseOptions): Database {
  const { url, folder } = options;
  if (url !== null) return new ReopenedDatabase(postgresSource(url), options);
  const database = new ReopenedDatabase(embeddedSource(folder), options);
  const stop = startUpkeep(database);
  database.onChange(({ state }) => state === 'closed' && stop());
  return database;
}

class ReopenedDatabase implements Database {
  readonly #source: DatabaseSource;
  readonly #options: DatabaseOptions;
  readonly #listeners = new Set<(status: DatabaseStatus) => void>();
  readonly #running = new Set<Promise<unknown>>();
  readonly #closing = new AbortController();
  readonly #kept: Promise<void>;
  #state: DatabaseState = 'opening';
  #fault: string | null = null;
  /** Null: it has them. */
  #noVectors: string | null = null;
  #connections: Connections | null = null;
  #end: (fault: string) => void = () => {};

  constructor(source: DatabaseSource, options: DatabaseOptions) {
    this.#source = source;
    this.#options = options;
    this.#kept = this.#keepOpen();
  }

  run: Database['run'] = (queries, options) => this.#count(async () => queries(this.#db(options)));

  transaction: Database['transaction'] = (queries, options) =>
    this.#count(async () => this.#db(options).transaction().execute(queries));

  requireVectors(): void {
    this.#requireReady();
    if (this.#noVectors !== null) throw unavailable(this.#noVectors);
  }

  status(): DatabaseStatus {
    const hasVectors = this.#state === 'ready' && this.#noVectors === null;
    return { state: this.#state, kind: this.#source.kind, fault: this.#fault, hasVectors };
  }

  onChange(listener: (status: DatabaseStatus) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#become('closed', 'The gateway is stopping');
    const last = Promise.allSettled(this.#running);
    await Promise.race([last, sleep(LAST_QUERIES_TIMEOUT_MS, undefined, { ref: false })]);
    this.#closing.abort();
    this.#end('');
    await this.#kept;
  }

  #requireReady(): Connections {
    if (this.#state === 'ready' && this.#connections !== null) return this.#connections;
    throw unavailable(this.#fault ?? 'The database is being opened');
  }

  #db(options: QueryOptions | undefined): Connections['db'] {
    const connections = this.#requireReady();
    return options === undefined ? connections.db : connections.within(options.deadlineMs);
  }

  async #count<T>(work: () => Promise<T>): Promise<T> {
    const running = work();
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }

  #become(state: DatabaseState, fault: string | null): void {
    if (this.#state === 'closed' || (state === this.#state && fault === this.#fault)) return;
    this.#state = state;
    this.#fault = fault;
    const { logger } = this.#options;
    if (state === 'ready') logger.info(`${this.#source.place.server} is ready.`);
    if (state === 'away') logger.warn('The database is away', { fault });
    if (state === 'refused') logger.error('The database is not used', { fault });
    for (const listener of this.#listeners) listener(this.status());
  }

  async #keepOpen(): Promise<void> {
    const { signal } = this.#closing;
    let losses = 0;
    while (!signal.aborted && this.#state !== 'refused') {
      const startMs = performance.now();
      const wasReady = await this.#live();
      if (wasReady && performance.now() - startMs > STEADY_MS) losses = 0;
      // The first time at once: it may have been that connection only.
      const delayMs = losses === 0 && wasReady ? 0 : FIRST_DELAY_MS * 2 ** losses * (1 + Math.random() / 2);
      losses++;
      await sleep(Math.min(MAX_DELAY_MS, delayMs), undefined, { signal }).catch(() => {});
    }
    await this.#source.close();
  }

  /** Opens it and waits until it is lost or closed; resolves with whether it was ever ready. */
  async #live(): Promise<boolean> {
    const ended = new Promise<string>(resolve => {
      this.#end = resolve;
    });
    const end = this.#end;
    let wasReady = false;
    try {
      const { deadlineMs = DEADLINE_MS, acquireTimeoutMs = this.#source.acquireTimeoutMs } = this.#options;
      const { place, endsQueries, maxConnections } = this.#source;
      this.#connections = new Connections({
        target: await this.#source.start(fault => end(`${place.server}: ${fault}`)),
        place,
        max: maxConnections ?? this.#options.maxConnections ?? MAX_CONNECTIONS,
        acquireTimeoutMs,
        deadlineMs,
        endsQueries,
        onLost: fault => end(fault),
      });
      this.#noVectors = await this.#prepare(this.#connections);
      this.#become('ready', null);
      wasReady = true;
      this.#become('away', await ended);
    } catch (error) {
      const isRefused =
        error instanceof NewerSchemaError || error instanceof RefusedError || error instanceof HeldError;
      this.#become(isRefused ? 'refused' : 'away', (error as Error).message.replace(/\.$/, ''));
    }
    await this.#dismiss();
    return wasReady;
  }

  /** Brings the tables up to date; resolves with why there are no vectors, null when there are. */
  async #prepare(connections: Connections): Promise<string | null> {
    const { deadlineMs = DEADLINE_MS } = this.#options;
    // Nobody else has them yet; a new one has its deadline.
    const waitMs = 2 * deadlineMs;
    // A server that says nothing must not be given the time of a migration.
    await sql`select 1`.execute(connections.within(deadlineMs, waitMs));
    const patient = connections.within(MIGRATION_DEADLINE_MS, waitMs);
    await migrate(patient);
    const { server, user, name } = this.#source.place;
    try {
      if (await ensureVectorTables(patient)) return null;
    } catch (error) {
      if ((error as { code?: unknown }).code !== '42501') throw error;
      return `"${user}" may not install pgvector in "${name}" of ${server}; have its owner run \`create extension vector\` and start the gateway again`;
    }
    return `${server} lacks pgvector, which documents and search by meaning need; install it (Debian, Ubuntu: \`apt install postgresql-NN-pgvector\`) and start the gateway again`;
  }

  /** Those in use are closed when they are given back, which their deadlines see to. */
  async #dismiss(): Promise<void> {
    const closed = this.#connections?.close();
    this.#connections = null;
    closed?.catch(() => {});
    if (this.#closing.signal.aborted) await Promise.race([closed, sleep(500, undefined, { ref: false })]);
  }
}
