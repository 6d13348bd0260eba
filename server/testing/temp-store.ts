// A database of its own for a test, migrated, empty, gone at the end; on each of the three kinds that the store has to
// run on.
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { describe } from 'vitest';
import { silentLogger } from '../log.js';
import type { Database } from '../store/database.js';
import { type DatabaseOptions, openDatabase } from '../store/open-database.js';
import { copyPgliteTemplate } from './pglite-template.js';
import { pgserverPackages, pgserverUrl } from './postgres-server.js';
import { until } from './until.js';

/** `postgresql`: the machine's own, often without pgvector. `pgserver`: one with it. `pglite`: the embedded one. */
export type StoreKind = 'pglite' | 'postgresql' | 'pgserver';

/** Where a database is, as `openDatabase` and the settings of a gateway take it. */
export interface StorePlace {
  readonly kind: StoreKind;
  /** Null for the embedded one. */
  readonly url: string | null;
  /** Of the embedded one. */
  readonly folder: string;
  remove(): Promise<void>;
}

export interface TempStore extends StorePlace {
  readonly database: Database;
  close(): Promise<void>;
}

const { PGHOST = '127.0.0.1', PGPORT = '5432' } = process.env;
const LOCAL = `postgresql://postgres@${PGHOST}:${PGPORT}`;
const READY_TIMEOUT_MS = 60_000;

/** Why a kind cannot be had on this machine; null when it can. */
const MISSING: Readonly<Record<StoreKind, string | null>> = {
  pglite: null,
  postgresql: (await answers(PGHOST, Number(PGPORT))) ? null : `none answers at ${PGHOST}:${PGPORT}`,
  pgserver: pgserverPackages() === null ? 'there is no build of it for this machine' : null,
};
/** The quickest one with vectors. */
const USUAL: StoreKind = MISSING.pgserver === null ? 'pgserver' : 'pglite';

/** Ready when it resolves. */
export async function openTempStore(
  kind: StoreKind = USUAL,
  options: Partial<DatabaseOptions> = {},
): Promise<TempStore> {
  const place = await makeStore(kind);
  const database = openDatabase({ ...place, logger: silentLogger(), ...options });
  await until(() => database.status().state === 'ready', READY_TIMEOUT_MS).catch(error => {
    throw new Error(`${kind} is not ready: ${database.status().fault}`, { cause: error });
  });
  return {
    ...place,
    database,
    close: async () => {
      await database.close();
      await place.remove();
    },
  };
}

/** An empty database that nobody has opened or migrated yet. */
export async function makeStore(kind: StoreKind = USUAL): Promise<StorePlace> {
  if (kind === 'pglite') {
    const parent = await mkdtemp(path.join(tmpdir(), 'minivault-'));
    const folder = path.join(parent, 'vault');
    await copyPgliteTemplate(folder);
    return { kind, url: null, folder, remove: () => rm(parent, { recursive: true, force: true }) };
  }
  const server = kind === 'postgresql' ? LOCAL : await pgserverUrl();
  const name = `minivault_${randomUUID().replaceAll('-', '')}`;
  await asOwner(server, `create database ${name}`);
  const remove = (): Promise<void> => asOwner(server, `drop database ${name} with (force)`);
  return { kind, url: `${server}/${name}`, folder: '', remove };
}

/** The same tests once for each kind that this machine has; the others are skipped by name. */
export function eachStore(name: string, tests: (kind: StoreKind) => void): void {
  each(['pglite', 'postgresql', 'pgserver'], name, tests);
}

/** The same for those that are servers of their own. */
export function eachServer(name: string, tests: (kind: StoreKind) => void): void {
  each(['postgresql', 'pgserver'], name, tests);
}

function each(kinds: readonly StoreKind[], name: string, tests: (kind: StoreKind) => void): void {
  for (const kind of kinds) {
    const missing = MISSING[kind];
    describe.skipIf(missing !== null)(`${name}, on ${kind}${missing === null ? '' : `: ${missing}`}`, () =>
      tests(kind),
    );
  }
}

/** For a server's databases: ends, makes and removes them from outside. */
export async function asOwner(server: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: `${server}/postgres` });
  await client.connect();
  await client.query(statement).finally(() => client.end());
}

async function answers(host: string, port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = host.startsWith('/') ? connect(`${host}/.s.PGSQL.${port}`) : connect(port, host);
    const settle = (isThere: boolean): void => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once('connect', () => settle(true)).once('error', () => settle(false));
    socket.setTimeout(1_000, () => settle(false));
  });
}
