// Opens a PostgreSQL by its URL, migrates it and keeps a pool of connections to it.
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { AppError } from '../errors.js';
import type { Logger } from '../log.js';
import type { Database, DatabaseState, DatabaseStatus } from './database.js';
import { migrate } from './migrate.js';
import type { Schema } from './schema.js';
import { ensureVectorTables } from './vector-tables.js';

export interface DatabaseOptions {
  readonly url: string;
  readonly logger: Logger;
}

/** Returns at once; the database is `opening` until it can be used. */
export function openDatabase({ url, logger }: DatabaseOptions): Database {
  const pool = new pg.Pool({ connectionString: url, max: 4 });
  const db = new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) });
  const listeners = new Set<(status: DatabaseStatus) => void>();
  let state: DatabaseState = 'opening';
  let fault: string | null = null;
  let hasVectors = false;
  const status = (): DatabaseStatus => ({ state, kind: 'postgresql', fault, hasVectors });
  const become = (next: DatabaseState): void => {
    state = next;
    for (const listener of listeners) listener(status());
  };
  const unavailable = (): AppError =>
    new AppError('storage_unavailable', fault ?? 'The database is being opened.', { retryAfterMs: 1_000 });
  pool.on('error', error => logger.warn('database connection lost', { error: error.message }));
  void migrate(db)
    .then(() => ensureVectorTables(db))
    .then(
      vectors => {
        hasVectors = vectors;
        become('ready');
      },
      error => {
        fault = String(error);
        become('refused');
      },
    );
  const requireReady = (): void => {
    if (state !== 'ready') throw unavailable();
  };
  return {
    run: async queries => {
      requireReady();
      return queries(db);
    },
    transaction: async queries => {
      requireReady();
      return db.transaction().execute(queries);
    },
    requireVectors: () => {
      requireReady();
      if (!hasVectors) throw unavailable();
    },
    status,
    onChange: listener => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: async () => {
      become('closed');
      await db.destroy();
    },
  };
}
