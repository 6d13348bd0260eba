// What the machine has: programs, disk, memory, a clock, and something that keeps a service running.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { freemem, totalmem } from 'node:os';
import path from 'node:path';
import { runChild } from './child.mjs';
import { Fault } from './fault.mjs';
import { fault, ok, warning } from './finding.mjs';
import { NO_NPM, npmCommand } from './node-steps.mjs';
import { findPython, isSupported, nameOf, probePython, venvPython } from './python.mjs';

const GIB = 1024 ** 3;
const MIB = 1024 ** 2;
const PROGRAM_TIMEOUT_MS = 10_000;
const SET_UP_BYTES = 3 * GIB;
const SCARCE_BYTES = 1 * GIB;
const LEAST_BYTES = 0.1 * GIB;
/** The packaged model with its embedder and a full cache of prompts. */
const MODEL_MEMORY_BYTES = 1.5 * GIB;
const CLOCK_TOLERANCE_MS = 86_400_000;

/** @typedef {import('./finding.mjs').Finding} Finding */
/** @typedef {import('./settings.mjs').Settings} Settings */

/**
 * @param {string} root
 * @param {Settings} settings
 * @returns {AsyncGenerator<Finding>}
 */
export async function* machineFindings(root, { values }) {
  yield ok('Node.js', process.versions.node);
  yield await lookAtNpm(root);
  yield await lookAtPython(root, values);
  yield await lookAtCompiler(values);
  yield await lookAtDisk(root, String(values.MINIVAULT_DATA_DIR));
  yield lookAtMemory(values);
  yield await lookAtClock(root);
  yield await lookAtKeepers(root);
}

/**
 * First line of what a program says; null when there is no such program or it fails.
 * @param {string} command
 * @param {readonly string[]} args
 * @returns {Promise<string | null>}
 */
async function ask(command, args) {
  try {
    const { code, output } = await runChild(command, args, { timeoutMs: PROGRAM_TIMEOUT_MS });
    return code === 0 ? (output.split('\n')[0]?.trim() ?? '') : null;
  } catch {
    return null;
  }
}

/** @param {string} root */
async function lookAtNpm(root) {
  const [command, ...args] = npmCommand();
  const version = await ask(command, [...args, '--version']);
  if (version !== null) return ok('npm', version);
  const [text, ...remedy] = NO_NPM.split('; ');
  // Whoever serves a copy that is set up needs none.
  const isSetUp = existsSync(path.join(root, 'node_modules', '.package-lock.json'));
  return (isSetUp ? warning : fault)('npm', text ?? '', remedy.join('; '));
}

/**
 * @param {string} root
 * @param {Settings['values']} values
 */
async function lookAtPython(root, values) {
  const named = String(values.MINIVAULT_PYTHON);
  const isOwn = named !== venvPython(path.join(root, '.venv'));
  if (isOwn || existsSync(named)) {
    const python = await probePython(named);
    if (python !== null && isSupported(python)) return ok('Python', `${nameOf(python)}, ${named}`);
    const text = `${named} is ${python === null ? 'not a Python that runs' : `${nameOf(python)}, which is too old`}`;
    return isOwn
      ? fault('Python', text, 'name another one in MINIVAULT_PYTHON, or unset it')
      : fault('Python', text, 'remove .venv and run `npm run setup`');
  }
  try {
    const python = await findPython();
    return ok('Python', `${nameOf(python)} with venv, ${python.executable}; not set up yet`);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    const [text, ...remedy] = error.message.split('; ');
    return fault('Python', text ?? '', remedy.join('; '));
  }
}

/** @param {Settings['values']} values */
async function lookAtCompiler(values) {
  const name = 'C++ compiler';
  if (values.MINIVAULT_ENGINE !== 'batched' || values.MINIVAULT_BACKEND !== 'local')
    return ok(name, 'not needed with these settings');
  const { CXX } = process.env;
  for (const command of [...(CXX ? [CXX] : []), 'g++', 'clang++']) {
    const version = await ask(command, ['--version']);
    if (version !== null) return ok(name, `${command}: ${version}`);
  }
  return warning(
    name,
    'none, so that answers come several times more slowly on a CPU',
    'install one (Debian, Ubuntu: `apt install g++`; macOS: `xcode-select --install`) and start the gateway again',
  );
}

/**
 * @param {string} root
 * @param {string} dataDir
 */
async function lookAtDisk(root, dataDir) {
  let folder = dataDir;
  while (!existsSync(folder)) folder = path.dirname(folder);
  const { bavail, bsize } = await statfs(folder);
  const freeBytes = bavail * bsize;
  const text = `${gib(freeBytes)} GiB free for ${dataDir}`;
  const isSetUp = existsSync(path.join(root, '.venv')) && existsSync(path.join(root, 'node_modules'));
  if (!isSetUp && freeBytes < SET_UP_BYTES)
    return fault('Disk', text, `free some: set-up takes ${gib(SET_UP_BYTES)} GiB`);
  if (freeBytes < LEAST_BYTES)
    return fault('Disk', text, 'free some: answers are no longer kept when it is full');
  return freeBytes < SCARCE_BYTES
    ? warning('Disk', text, 'free some soon: log and database grow with every answer')
    : ok('Disk', text);
}

/** @param {Settings['values']} values */
function lookAtMemory(values) {
  const totalBytes = Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
  const text = `${gib(totalBytes)} GiB, ${gib(Math.min(freeMemory(), totalBytes))} GiB of it free`;
  if (values.MINIVAULT_BACKEND === 'local' && totalBytes < MODEL_MEMORY_BYTES) {
    return warning(
      'Memory',
      text,
      `the packaged model takes up to ${gib(MODEL_MEMORY_BYTES)} GiB; add some, or let another server answer (MINIVAULT_BACKEND=openai)`,
    );
  }
  const bound = Math.round((totalBytes * 0.6) / MIB) * MIB;
  return ok(
    'Memory',
    values.MINIVAULT_WORKER_MAX_RSS_BYTES === null && values.MINIVAULT_BACKEND === 'local'
      ? `${text}; left running for long, MINIVAULT_WORKER_MAX_RSS_BYTES=${bound} would have a worker replaced before it takes more`
      : text,
  );
}

/** What could be taken now without pushing others out; `freemem` counts no caches. */
function freeMemory() {
  try {
    const kib = /^MemAvailable:\s+(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
    if (kib !== undefined) return Number(kib) * 1024;
  } catch {
    // Not Linux.
  }
  return freemem();
}

/** @param {string} root */
async function lookAtClock(root) {
  const now = new Date();
  const written = statSync(path.join(root, 'package.json')).mtime;
  if (now.getTime() < written.getTime() - CLOCK_TOLERANCE_MS) {
    return fault(
      'Clock',
      `it is ${now.toISOString()}, and this copy was written at ${written.toISOString()}`,
      'set it (`timedatectl set-ntp true`): keys expire, and answers are sorted, by it',
    );
  }
  const isSynchronised = await ask('timedatectl', ['show', '--property=NTPSynchronized', '--value']);
  return isSynchronised === 'no'
    ? warning('Clock', `${now.toISOString()}, set by nobody`, 'let it be: `timedatectl set-ntp true`')
    : ok('Clock', now.toISOString());
}

/** @param {string} root */
async function lookAtKeepers(root) {
  const hints = [];
  if (existsSync('/run/systemd/system')) {
    hints.push(`systemd: ${path.join(root, 'deploy', 'minivault.service')} keeps it running`);
  }
  const docker = await ask('docker', ['--version']);
  if (docker !== null) hints.push(`${docker}: \`docker compose up\` runs it beside a PostgreSQL`);
  return ok(
    'Left running',
    hints.length === 0
      ? 'neither systemd nor Docker here; it runs as long as its terminal'
      : hints.join('; '),
  );
}

/** @param {number} bytes */
function gib(bytes) {
  return (bytes / GIB).toFixed(1);
}
