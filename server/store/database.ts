// The database as the rest of the store sees it. Knows neither exchanges nor documents; how one is opened is
// open-database.ts's business.
import type { Kysely, Transaction } from 'kysely';
import type { Schema } from './schema.js';

/**
 * `opening`: being started or migrated for the first time. `away`: it cannot be reached, and is tried again.
 * `refused`: it will never be used as it is (a newer schema, a folder held by another process), `fault` has the
 * remedy. `off`: switched off by configuration.
 */
export type DatabaseState = 'opening' | 'ready' | 'away' | 'refused' | 'off' | 'closed';

export interface DatabaseStatus {
  readonly state: DatabaseState;
  readonly kind: 'pglite' | 'postgresql' | null;
  /** Why it is not ready, one line without secrets; null when it is. */
  readonly fault: string | null;
  /** Whether it has pgvector; documents and search by meaning need it. */
  readonly hasVectors: boolean;
}

export interface QueryOptions {
  /** For each query, from when it is sent. */
  readonly deadlineMs: number;
}

export interface Database {
  /**
   * Runs queries on one or more connections of the pool. Each query has a deadline, 5 s unless told otherwise.
   * @throws AppError `storage_unavailable` (503, with Retry-After) when the database is not ready, goes away meanwhile,
   * does not answer in time, or has no connection free; any other error of the query itself is thrown on as it is.
   */
  run<T>(queries: (db: Kysely<Schema>) => Promise<T>, options?: QueryOptions): Promise<T>;
  /** As `run`, in one transaction: keep it short, the embedded database lets nobody else in meanwhile. */
  transaction<T>(queries: (db: Transaction<Schema>) => Promise<T>, options?: QueryOptions): Promise<T>;
  /** @throws AppError `storage_unavailable` with the remedy when there is no pgvector (or no database). */
  requireVectors(): void;
  status(): DatabaseStatus;
  /** Called after every change of state; the result unsubscribes. */
  onChange(listener: (status: DatabaseStatus) => void): () => void;
  /** Lets running queries end, at most 2 s, and closes. */
  close(): Promise<void>;
}
