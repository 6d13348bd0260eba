// A PostgreSQL with pgvector for one run of the tests, from the Python package pgserver: the first test that asks starts
// it, database-run.ts stops it. Its data is worth nothing, so nothing is synced.
import { execFileSync, spawn } from 'node:child_process';
import {
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import path from 'node:path';
import { inject } from 'vitest';
import { until } from './until.js';

const LIB = path.resolve(import.meta.dirname, '../../.venv/lib');
/** PostgreSQL refuses to be run by root; this is `nobody`. */
const UNPRIVILEGED = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
const START_TIMEOUT_MS = 60_000;
const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  shared_buffers: '32MB',
};

/** Folder that holds the package; null where there is no build of it. */
export function pgserverPackages(): string | null {
  const pythons = existsSync(LIB) ? readdirSync(LIB) : [];
  const folders = pythons.map(name => path.join(LIB, name, 'site-packages'));
  return folders.find(folder => existsSync(path.join(folder, 'pgserver', 'pginstall'))) ?? null;
}

/** URL of the server, without a database. */
export async function pgserverUrl(): Promise<string> {
  const folder = inject('postgresFolder');
  const urlFile = path.join(folder, 'url');
  if (isFirst(folder)) {
    const url = await start(folder);
    writeFileSync(`${urlFile}.new`, url);
    renameSync(`${urlFile}.new`, urlFile);
  }
  await until(() => existsSync(urlFile), START_TIMEOUT_MS);
  return readFileSync(urlFile, 'utf8');
}

function isFirst(folder: string): boolean {
  try {
    mkdirSync(path.join(folder, 'starting'));
    return true;
  } catch {
    return false;
  }
}

async function start(folder: string): Promise<string> {
  const packages = pgserverPackages();
  if (packages === null) throw new Error('pgserver is not installed: run `npm test`');
  // A home directory may be closed to the other user.
  for (const name of ['pgserver', 'pgserver.libs'])
    cpSync(path.join(packages, name), path.join(folder, name), { recursive: true, verbatimSymlinks: true });
  const programs = path.join(folder, 'pgserver', 'pginstall', 'bin');
  const data = path.join(folder, 'data');
  mkdirSync(data, { mode: 0o700 });
  if (UNPRIVILEGED.uid !== undefined) chownSync(data, UNPRIVILEGED.uid, UNPRIVILEGED.gid);
  const initdb = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'];
  const options = { cwd: data, ...UNPRIVILEGED } as const;
  execFileSync(path.join(programs, 'initdb'), initdb, { ...options, stdio: 'pipe' });
  const port = await freePort();
  const settings = Object.entries(SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const log = openSync(path.join(folder, 'log'), 'w');
  const server = spawn(path.join(programs, 'postgres'), ['-D', data, '-p', String(port), ...settings], {
    ...options,
    detached: true,
    stdio: ['ignore', log, log],
  });
  server.unref();
  const pidFile = path.join(data, 'postmaster.pid');
  await until(
    () => existsSync(pidFile) && /\nready\s*$/.test(readFileSync(pidFile, 'utf8')),
    START_TIMEOUT_MS,
  );
  return `postgresql://postgres@127.0.0.1:${port}`;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(resolve => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise(resolve => server.close(resolve));
  return port;
}
