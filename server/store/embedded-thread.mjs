// The embedded database's own thread: PGlite answers on the thread it runs on, so it must not be the gateway's. Serves
// PostgreSQL's wire protocol on a unix socket. JavaScript, so that a thread can run it beside TypeScript's sources too.
import { chmodSync, existsSync, mkdirSync, readdirSync, readlinkSync, renameSync, rmSync } from 'node:fs';
import { setPriority } from 'node:os';
import path from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { PGlite } from '@electric-sql/pglite';
import { vector } from '@electric-sql/pglite-pgvector';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';

/** @typedef {{folder: string, socket: string}} EmbeddedThreadData */
/** @typedef {{type: 'ready'} | {type: 'closed'}} EmbeddedThreadMessage */

/** A connection of the old pool may still be about while the new one connects. */
const MAX_CONNECTIONS = 16;
/** Streams come first: a query computes for tens of milliseconds, a token waits for one. */
const NICENESS = 10;
/** Its own page cache would stay in memory for ever; the system caches the files anyway. 128 MB is PostgreSQL's default. */
const SETTINGS = { shared_buffers: '16MB', min_wal_size: '32MB', max_wal_size: '96MB' };
const START_PARAMS = [
  ...PGlite.defaultStartParams,
  ...Object.entries(SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
];

/** @type {EmbeddedThreadData} */
const { folder, socket } = workerData;

/** On Linux a thread has a priority of its own; elsewhere this one keeps the process's. */
function stepBack() {
  try {
    setPriority(Number(path.basename(readlinkSync('/proc/thread-self'))), NICENESS);
  } catch {}
}

/** @param {string} dataDir */
function open(dataDir) {
  return PGlite.create({ dataDir, extensions: { vector }, startParams: START_PARAMS });
}

/** A folder by that name is always a whole database: making one takes seconds, in which a process can be killed. */
async function makeFolder() {
  const draft = `${folder}.new`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { recursive: true, mode: 0o700 });
  await (await open(draft)).close();
  // What it makes first is open to everybody; what comes later obeys the process's umask.
  for (const entry of readdirSync(draft, { recursive: true, withFileTypes: true }))
    chmodSync(path.join(entry.parentPath, entry.name), entry.isDirectory() ? 0o700 : 0o600);
  renameSync(draft, folder);
}

stepBack();
if (!existsSync(folder)) await makeFolder();
// Killed while it writes this file, PostgreSQL leaves it empty, and then never starts again. Who has the folder, our lock knows.
rmSync(path.join(folder, 'postmaster.pid'), { force: true });
const db = await open(folder);
const server = new PGLiteSocketServer({ db, path: socket, maxConnections: MAX_CONNECTIONS });
await server.start();
parentPort?.once('message', async () => {
  await server.stop();
  await db.close();
  parentPort?.postMessage({ type: 'closed' });
});
parentPort?.postMessage({ type: 'ready' });
