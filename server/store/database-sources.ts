// Where a database comes from: a server that somebody else runs, or the one embedded in the data folder. Knows no query.
import type pg from 'pg';
import type { DatabaseStatus } from './database.js';
import type { DatabasePlace } from './database-faults.js';
import { embedPostgres } from './embedded-postgres.js';

/** It will never be used as it is; the message has the remedy. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
}

export interface DatabaseSource {
  readonly kind: DatabaseStatus['kind'];
  readonly place: DatabasePlace;
  /** Null: as many connections as one likes. */
  readonly maxConnections: number | null;
  /** For a connection to be free. */
  readonly acquireTimeoutMs: number;
  /** Whether the server ends a query by itself when its time is up. */
  readonly endsQueries: boolean;
  /**
   * Makes it reachable, anew if it was before.
   * @param onEnd with why it ended by itself
   * @throws RefusedError when that can never succeed; any other error when it may later.
   */
  start(onEnd: (fault: string) => void): Promise<pg.ClientConfig>;
  close(): Promise<void>;
}

export function postgresSource(url: string): DatabaseSource {
  const place = placeOf(url);
  return {
    kind: 'postgresql',
    place: place ?? { server: 'PostgreSQL', user: '', name: '' },
    maxConnections: null,
    acquireTimeoutMs: 1_000,
    endsQueries: true,
    start: async () => {
      // Neither the driver's nor the URL's own error may be shown: they repeat the password.
      if (place === null)
        throw new RefusedError('DATABASE_URL is no URL: escape what is special in the password');
      return { connectionString: url };
    },
    close: async () => {},
  };
}

/** Null when it is no URL. The password is not in the result. */
function placeOf(url: string): DatabasePlace | null {
  if (!URL.canParse(url)) return null;
  const { hostname, port, username, pathname, searchParams } = new URL(url);
  const host = hostname || searchParams.get('host') || 'localhost';
  const user = username || searchParams.get('user') || 'postgres';
  return {
    server: `PostgreSQL at ${decodeURIComponent(host)}:${port || '5432'}`,
    user: decodeURIComponent(user),
    name: decodeURIComponent(pathname.slice(1) || user),
  };
}

/** @throws HeldError when another process has the folder. */
export function embeddedSource(folder: string): DatabaseSource {
  const { start, close } = embedPostgres(folder);
  return {
    kind: 'pglite',
    place: { server: 'The embedded database', user: 'postgres', name: 'postgres' },
    // All connections share one session, and messages of two would mix in it.
    maxConnections: 1,
    // So one waits for everybody before it.
    acquireTimeoutMs: 3_000,
    endsQueries: false,
    start,
    close,
  };
}
