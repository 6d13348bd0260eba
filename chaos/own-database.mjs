// An empty PostgreSQL database of a scenario's own, on a server that is there anyway, gone at the end.
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { NotHere } from './run-scenarios.mjs';

const { PGHOST = '127.0.0.1', PGPORT = '5432' } = process.env;
/** Where a server is looked for that nobody has named. */
export const USUAL_SERVER = `postgresql://postgres@${PGHOST}:${PGPORT}/postgres`;
const CONNECT_TIMEOUT_MS = 2_000;

/**
 * @param {string} [server] URL of any database of it
 * @returns {Promise<{ url: string, remove: () => Promise<void> }>}
 * @throws {NotHere} when none answers
 */
export async function createDatabase(server = USUAL_SERVER) {
  const name = `minivault_chaos_${randomUUID().replaceAll('-', '').slice(0, 12)}`;
  try {
    await asOwner(server, `create database ${name}`);
  } catch (error) {
    throw new NotHere(`no PostgreSQL at ${new URL(server).host} makes a database: ${String(error)}`);
  }
  const url = new URL(server);
  url.pathname = `/${name}`;
  return { url: url.href, remove: () => asOwner(server, `drop database if exists ${name} with (force)`) };
}

/** @param {string} server @param {string} statement */
async function asOwner(server, statement) {
  const client = new pg.Client({ connectionString: server, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  client.on('error', () => {});
  await client.connect();
  await client.query(statement).finally(() => client.end());
}
