// Loaded into a gateway before it (`node --import`): counts every call at its boundaries to files, database and worker,
// and makes one of them fail, the one it is told by way of a socket. Knows nothing of what the calls are for.
import { promises } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { createServer, Socket } from 'node:net';
import { isMainThread } from 'node:worker_threads';

const CALLS = [
  'open',
  'stat',
  'readdir',
  'rename',
  'unlink',
  'mkdir',
  'readFile',
  'writeFile',
  'truncate',
  'rm',
];
const HANDLE_CALLS = [
  'read',
  'write',
  'writev',
  'datasync',
  'sync',
  'stat',
  'truncate',
  'appendFile',
  'close',
];

/** @typedef {'file' | 'database' | 'worker'} Boundary */
/** @typedef {{ boundary: Boundary, at: number, code: string }} Armed the call number `at`, counted from now, fails with the code */

/** @type {Record<Boundary, number>} */
const calls = { file: 0, database: 0, worker: 0 };
/** @type {Armed | null} */
let armed = null;
/** @type {string | null} */
let hit = null;

/** @param {Boundary} boundary @param {string} what @returns {NodeJS.ErrnoException | null} the failure of this call */
function failureOf(boundary, what) {
  const number = calls[boundary]++;
  if (armed === null || armed.boundary !== boundary || armed.at !== number) return null;
  const { code } = armed;
  armed = null;
  hit = what;
  return Object.assign(new Error(`${code}: by the fault suite, ${what}`), { code, syscall: what });
}

/** @param {any} owner @param {string} name @param {string} told */
function guardCall(owner, name, told) {
  const original = owner[name];
  if (typeof original !== 'function') return;
  owner[name] = async function guarded(/** @type {unknown[]} */ ...args) {
    const failure = failureOf('file', told);
    if (failure === null) return original.apply(this, args);
    // What could not be closed properly is closed all the same.
    if (name === 'close') await original.apply(this, args);
    throw failure;
  };
}

async function guardFiles() {
  const handle = await promises.open(import.meta.filename);
  const prototype = Object.getPrototypeOf(handle);
  await handle.close();
  for (const name of CALLS) guardCall(promises, name, name);
  for (const name of HANDLE_CALLS) guardCall(prototype, name, `FileHandle.${name}`);
  syncBuiltinESMExports();
}

/** Sockets that this process has opened are the database's; pipes that nobody connected, but its own output, are the worker's. */
function guardSockets() {
  const prototype = /** @type {any} */ (Socket.prototype);
  const { connect, write } = prototype;
  /** @type {WeakSet<object>} */
  const outgoing = new WeakSet();
  prototype.connect = function guarded(/** @type {unknown[]} */ ...args) {
    outgoing.add(this);
    const failure = failureOf('database', 'connect');
    if (failure === null) return connect.apply(this, args);
    process.nextTick(() => this.destroy(failure));
    return this;
  };
  prototype.write = function guarded(/** @type {unknown[]} */ ...args) {
    const isOwnOutput = this === process.stdout || this === process.stderr;
    const isPipe = this._handle?.constructor.name === 'Pipe';
    const boundary = outgoing.has(this)
      ? 'database'
      : isPipe && !isOwnOutput && !this.server
        ? 'worker'
        : null;
    const failure = boundary === null ? null : failureOf(boundary, 'write');
    if (failure === null) return write.apply(this, args);
    this.destroy(failure);
    return false;
  };
}

/** One line a command: null to disarm, or what to arm; each begins a new count and is answered with the last one. @param {string} path */
function listen(path) {
  const server = createServer(socket => {
    socket.setEncoding('utf8').on('data', line => {
      const answer = JSON.stringify({ calls, hit });
      armed = JSON.parse(String(line));
      hit = null;
      Object.assign(calls, { file: 0, database: 0, worker: 0 });
      socket.end(answer);
    });
    socket.on('error', () => {});
  });
  server.listen(path);
  server.unref();
}

// Threads inherit the preload; their files are not the gateway's own.
if (isMainThread && process.env.CHAOS_SHIM !== undefined) {
  await guardFiles();
  guardSockets();
  listen(process.env.CHAOS_SHIM);
}
