// `node bench/kills.mjs [--rounds 200] [--clients 16] [--database postgresql://…]`: kills the gateway again and again
// while clients ask, and looks after each start whether anything is lost. Needs `npm run build`.
import { writeFileSync } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Child } from './child-process.mjs';
import { readTree } from './process-tree.mjs';

const DIST = new URL('../dist/', import.meta.url);
const SERVE = `const { main } = await import(${JSON.stringify(new URL('main.js', DIST).href)}); await main([]);`;
const START_TIMEOUT_MS = 120_000;
/** How long a worker may outlive its gateway. */
const ORPHAN_MS = 2_000;
/** Every so many rounds the gateway is killed while it starts, not while it answers. */
const EARLY_EVERY = 3;

/**
 * @typedef {object} KillOptions
 * @property {number} rounds
 * @property {number} clients
 * @property {string | null} databaseUrl null: the embedded one
 * @property {string} folder of log and data, empty at first; an embedded database may be there already
 * @property {(line: string) => void} [onRound]
 */
/**
 * @typedef {object} KillReport
 * @property {number} rounds
 * @property {number} completed exchanges of which a client saw the end
 * @property {number} logged exchanges in the log
 * @property {number} tornTails
 * @property {string[]} faults whatever was not as it must be; empty: nothing was
 * @property {number} slowestOrphanMs longest life of a worker after its gateway
 * @property {number} slowestStartMs from the start to an address
 */

/**
 * Starts, loads and kills a gateway on the fake engine; after every start compares what the clients saw, the log and the
 * database.
 * @param {KillOptions} options
 * @returns {Promise<KillReport>}
 */
export async function killRounds({ rounds, clients, databaseUrl, folder, onRound = () => {} }) {
  const logFile = path.join(folder, 'log.jsonl');
  /** @type {Set<string>} */
  const seen = new Set();
  /** @type {string[]} */
  const faults = [];
  /** @type {KillReport} */
  const report = {
    rounds,
    completed: 0,
    logged: 0,
    tornTails: 0,
    faults,
    slowestOrphanMs: 0,
    slowestStartMs: 0,
  };
  // Made once: what is killed over and over is a gateway in use.
  await verify(folder, logFile, databaseUrl);
  for (let round = 1; round <= rounds; round++) {
    const gateway = startGateway(folder, logFile, databaseUrl);
    const beganMs = performance.now();
    if (round % EARLY_EVERY === 0) {
      await Promise.race([gateway.url, sleep(Math.random() * 2_000)]);
    } else {
      const url = await gateway.url;
      report.slowestStartMs = Math.max(report.slowestStartMs, performance.now() - beganMs);
      const found = await lookAt(url, logFile, seen);
      report.logged = found.logged;
      report.tornTails += found.tornTails;
      faults.push(...found.faults.map(fault => `round ${round}: ${fault}`));
      const load = loadWith(clients, url, seen);
      await sleep(50 + Math.random() * 750);
      await killGateway(gateway, round, report);
      await load;
    }
    await killGateway(gateway, round, report);
    onRound(
      `${round}/${rounds}: ${seen.size} seen, ${report.logged} logged, ${report.tornTails} torn, ${faults.length} faults ${faults.at(-1) ?? ''}`,
    );
  }
  const last = startGateway(folder, logFile, databaseUrl);
  const found = await lookAt(await last.url, logFile, seen);
  await last.child.stop();
  faults.push(...found.faults, ...(await verify(folder, logFile, databaseUrl)));
  return { ...report, completed: seen.size, logged: found.logged };
}

/** @param {string} folder @param {string} logFile @param {string | null} databaseUrl */
function startGateway(folder, logFile, databaseUrl) {
  const program = path.join(folder, 'serve.mjs');
  writeFileSync(program, SERVE);
  /** @type {(url: string) => void} */
  let listens = () => {};
  const url = new Promise((/** @type {(url: string) => void} */ resolve) => {
    listens = resolve;
  });
  const child = new Child(
    {
      command: process.execPath,
      args: [program],
      cwd: folder,
      env: {
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        PORT: '0',
        RATE_LIMIT_ENABLED: 'false',
        MINIVAULT_ENGINE: 'fake',
        MINIVAULT_DATA_DIR: folder,
        MINIVAULT_LOG_FILE: logFile,
        MINIVAULT_LOG_MAX_BYTES: '1000000',
        MINIVAULT_LANGUAGE: 'english',
        MINIVAULT_FAKE_PLAN: JSON.stringify({ state_dir: folder, slots: 16, tokens: 10, gap_ms: 2 }),
        ...(databaseUrl === null ? {} : { DATABASE_URL: databaseUrl }),
      },
    },
    {
      onLine: line => {
        const address = /listens on (http:\S+)/.exec(line)?.[1];
        if (address !== undefined) listens(address);
      },
    },
  );
  const failed = Promise.race([child.closed, sleep(START_TIMEOUT_MS, undefined, { ref: false })]).then(() => {
    throw new Error(`the gateway did not start: ${child.failure ?? child.lastLine()}`);
  });
  failed.catch(() => {});
  return { child, url: Promise.race([url, failed]) };
}

/**
 * SIGKILL to the gateway alone, so that its worker has to notice by itself.
 * @param {ReturnType<typeof startGateway>} gateway @param {number} round @param {KillReport} report
 */
async function killGateway({ child }, round, report) {
  const tree = child.tree();
  const [root, ...others] = tree;
  if (root === undefined || child.failure !== null) return;
  process.kill(root.pid, 'SIGKILL');
  await child.closed.catch(() => {});
  const killedMs = performance.now();
  const isAlive = () => others.some(({ pid }) => readTree(pid).length > 0);
  while (isAlive() && performance.now() - killedMs < ORPHAN_MS * 2) await sleep(20);
  const livedMs = performance.now() - killedMs;
  report.slowestOrphanMs = Math.max(report.slowestOrphanMs, livedMs);
  if (livedMs > ORPHAN_MS)
    report.faults.push(`round ${round}: a worker lived on for ${Math.round(livedMs)} ms`);
}

/** @param {number} clients @param {string} url @param {Set<string>} seen */
async function loadWith(clients, url, seen) {
  const client = async (/** @type {number} */ number) => {
    for (let turn = 0; ; turn++) {
      try {
        const response = await fetch(`${url}/generate`, {
          method: 'POST',
          headers: { 'Content-Type': 'application/json' },
          body: JSON.stringify({ prompt: `Client ${number}, turn ${turn}: ${'why '.repeat(turn % 50)}` }),
        });
        const last = (await response.text()).trimEnd().split('\n').at(-1) ?? '';
        const { done, done_reason: reason, id } = JSON.parse(last);
        if (done === true && reason !== 'error') seen.add(id);
      } catch {
        // The gateway is gone, or its answer was cut: nothing of it was acknowledged.
        return;
      }
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, number) => client(number)));
}

/** What a client can find out: the log's lines, and the database's through the export. @param {string} url @param {string} logFile @param {ReadonlySet<string>} seen */
async function lookAt(url, logFile, seen) {
  const { health, faults } = await caughtUp(url);
  const { listLogFiles } = await import(new URL('store/rotation.js', DIST).href);
  const { fromLogLine } = await import(new URL('store/log-line.js', DIST).href);
  /** @type {Map<string, string>} */
  const lines = new Map();
  for (const file of await listLogFiles(logFile)) {
    const handle = await open(file);
    const text = await handle.readFile('utf8').finally(() => handle.close());
    const whole = text.split('\n');
    if (whole.pop() !== '') faults.push(`${path.basename(file)} ends in half a line`);
    for (const line of whole) {
      try {
        const { id } = fromLogLine(line);
        if (lines.has(id)) faults.push(`${id} stands in the log twice`);
        lines.set(id, line);
      } catch {
        faults.push(`${path.basename(file)} has a damaged line: ${line.slice(0, 80)}`);
      }
    }
  }
  for (const id of seen) if (!lines.has(id)) faults.push(`${id} was acknowledged and is lost`);
  const exported = await fetch(`${url}/history/export`);
  const rows = (await exported.text()).split('\n').filter(line => line !== '');
  const stored = new Set(rows);
  for (const [id, line] of lines) if (!stored.has(line)) faults.push(`${id} is not in the database`);
  if (rows.length !== lines.size) faults.push(`${rows.length} rows of ${lines.size} lines`);
  return { logged: lines.size, tornTails: health.log.torn_tails, faults };
}

/** @param {string} url */
async function caughtUp(url) {
  const deadlineMs = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    const health = /** @type {any} */ (await (await fetch(`${url}/health`)).json());
    const { state, behind_bytes: behind } = health.vault;
    const isReady = state === 'ready' && health.worker.state === 'ready';
    if (isReady && behind === 0) return { health, faults: /** @type {string[]} */ ([]) };
    if (performance.now() > deadlineMs)
      return { health, faults: [`the database is ${state}, ${behind} bytes behind`] };
    await sleep(25);
  }
}

/** The comparison of `npm run verify`. @param {string} folder @param {string} logFile @param {string | null} url */
async function verify(folder, logFile, url) {
  const { openDatabase } = await import(new URL('store/open-database.js', DIST).href);
  const { compareWithLog } = await import(new URL('store/comparison.js', DIST).href);
  const { silentLogger } = await import(new URL('log.js', DIST).href);
  const database = openDatabase({ url, folder: path.join(folder, 'vault'), logger: silentLogger() });
  while (database.status().state !== 'ready') await sleep(25);
  const { missing, extra, different, damaged } = await compareWithLog(logFile, database);
  await database.close();
  const counts = { missing: missing.length, extra: extra.length, different: different.length, damaged };
  return Object.entries(counts).flatMap(([what, count]) => (count === 0 ? [] : [`verify: ${count} ${what}`]));
}

async function main() {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '200' },
      clients: { type: 'string', default: '16' },
      database: { type: 'string' },
    },
  });
  const folder = await mkdtemp(path.join(tmpdir(), 'minivault-kills-'));
  const report = await killRounds({
    rounds: Number(values.rounds),
    clients: Number(values.clients),
    databaseUrl: values.database ?? null,
    folder,
    onRound: line => process.stderr.write(`${line}\n`),
  });
  process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  process.exitCode = report.faults.length === 0 ? 0 : 1;
  if (report.faults.length === 0) await rm(folder, { recursive: true, force: true });
  else process.stderr.write(`All is kept in ${folder}\n`);
}

if (import.meta.filename === process.argv[1]) await main();
