// `npm run bench:search -- --rows 100000 [--url postgresql://…]`: how long a search takes, over HTTP, beside one running
// stream of the fake engine; and what the stream feels of it. Without --url in the embedded database, kept in --folder.
// With --pause-ms a client thinks between two searches while the stream is measured; without it never.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { makeQueries } from './search-queries.mjs';
import { fillStore } from './search-store.mjs';
import { median, quantile } from './statistics.mjs';

const REPOSITORY_DIR = path.resolve(import.meta.dirname, '..');
const { values: options } = parseArgs({
  options: {
    rows: { type: 'string', default: '100000' },
    url: { type: 'string' },
    folder: { type: 'string' },
    'per-kind': { type: 'string', default: '40' },
    rounds: { type: 'string', default: '5' },
    'gap-ms': { type: 'string', default: '10' },
    'pause-ms': { type: 'string', default: '0' },
  },
});

const dir = mkdtempSync(path.join(tmpdir(), 'minivault-search-'));
const dataDir = options.folder ?? dir;
const place = { url: options.url ?? null, folder: path.join(dataDir, 'vault') };
const queries = makeQueries(Number(options['per-kind']));
const agent = new Agent({ keepAlive: true });

/** @param {number} ms */
const sleep = ms => new Promise(resolve => setTimeout(resolve, ms));

/** @returns {Promise<{ url: string, stop: () => Promise<void> }>} */
async function startGateway() {
  const child = spawn(process.execPath, [path.join(REPOSITORY_DIR, 'server/testing/fixtures/serve.mjs')], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH: process.env.PATH,
      PORT: '0',
      RATE_LIMIT_ENABLED: 'false',
      ...(place.url === null ? {} : { DATABASE_URL: place.url }),
      MINIVAULT_ENGINE: 'fake',
      MINIVAULT_PYTHON: process.env.MINIVAULT_PYTHON ?? path.join(REPOSITORY_DIR, '.venv/bin/python'),
      MINIVAULT_DATA_DIR: dataDir,
      MINIVAULT_LOG_FILE: path.join(dir, 'log.jsonl'),
      MINIVAULT_FAKE_PLAN: JSON.stringify({
        context_length: 10_000_000,
        tokens: 1_000_000,
        gap_ms: Number(options['gap-ms']),
      }),
    },
  });
  const url = await new Promise(resolve => {
    let output = '';
    child.stdout.on('data', chunk => {
      output += chunk;
      const found = /listens on (http:\S+)/.exec(output);
      if (found) resolve(found[1]);
    });
  });
  for (;;) {
    const answer = await fetch(`${url}/search?query=x`).catch(() => null);
    const ready = await fetch(`${url}/readyz`).catch(() => null);
    if (answer?.ok && ready?.ok) break;
    await sleep(100);
  }
  return {
    url,
    stop: async () => {
      child.kill('SIGKILL');
      await new Promise(resolve => child.once('close', resolve));
    },
  };
}

/** @param {string} url @param {string} query @returns {Promise<number>} ms */
function search(url, query) {
  const beganMs = performance.now();
  return new Promise((resolve, reject) => {
    get(`${url}/search?query=${encodeURIComponent(query)}`, { agent }, answer => {
      answer.resume();
      answer.on('error', reject);
      answer.on('end', () => {
        if (answer.statusCode === 200) resolve(performance.now() - beganMs);
        else reject(new Error(`${query}: ${answer.statusCode}`));
      });
    }).on('error', reject);
  });
}

/**
 * All queries, so many at a time.
 * @param {string} url @param {number} clients @param {number} [pauseMs] after each
 * @returns {Promise<Map<string, number[]>>} by kind
 */
async function searchAll(url, clients, pauseMs = 0) {
  /** @type {Map<string, number[]>} */
  const times = new Map();
  const waiting = [...queries];
  await Promise.all(
    Array.from({ length: clients }, async () => {
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
        const ms = await search(url, next.query);
        times.set(next.kind, [...(times.get(next.kind) ?? []), ms]);
        if (pauseMs > 0) await sleep(pauseMs);
      }
    }),
  );
  return times;
}

/** @param {number | null} ms */
const shown = ms => (ms === null ? '–' : ms.toFixed(1));
/** @param {readonly number[]} times */
const line = times => [0.5, 0.95, 0.99].map(share => shown(quantile(times, share)).padStart(8)).join('');

/** @param {Map<string, number[]>} times @param {number} clients */
function print(times, clients) {
  console.log(`\n${clients} at a time, ms         p50     p95     p99`);
  for (const [kind, ms] of times) console.log(`  ${kind.padEnd(20)}${line(ms)}`);
  console.log(`  ${'all'.padEnd(20)}${line([...times.values()].flat())}`);
}

/** @param {Worker} stream @returns {Promise<number[]>} gaps since it was asked last */
function gapsOf(stream) {
  return new Promise(resolve => {
    stream.once('message', resolve);
    stream.postMessage('mark');
  });
}

/** In turns: the stream alone, and beside searches of one client one after the other. @param {string} url */
async function measureStream(url) {
  const stream = new Worker(new URL('./stream-gaps.mjs', import.meta.url), { workerData: { url } });
  await sleep(2_000);
  const p99 = { alone: /** @type {number[]} */ ([]), beside: /** @type {number[]} */ ([]) };
  /** @type {Map<string, number[]>} */
  const times = new Map();
  for (let round = 0; round < Number(options.rounds); round++) {
    await gapsOf(stream);
    const beganMs = performance.now();
    const found = await searchAll(url, 1, Number(options['pause-ms']));
    const tookMs = performance.now() - beganMs;
    p99.beside.push(quantile(await gapsOf(stream), 0.99) ?? 0);
    for (const [kind, ms] of found) times.set(kind, [...(times.get(kind) ?? []), ...ms]);
    await sleep(tookMs);
    p99.alone.push(quantile(await gapsOf(stream), 0.99) ?? 0);
  }
  await stream.terminate();
  print(times, 1);
  const [alone, beside] = [median(p99.alone) ?? 0, median(p99.beside) ?? 0];
  const moved = ((beside / alone - 1) * 100).toFixed(1);
  console.log(
    `\ninter-token p99: ${alone.toFixed(2)} ms alone, ${beside.toFixed(2)} ms beside searches: ${moved} %`,
  );
  console.log(`  rounds alone ${p99.alone.map(shown)} beside ${p99.beside.map(shown)}`);
}

try {
  await fillStore(place, Number(options.rows), done => {
    if (done % 10_000 === 0) console.error(`${done} rows`);
  });
  const gateway = await startGateway();
  try {
    console.log(
      `${options.rows} exchanges, ${place.url === null ? 'embedded' : 'PostgreSQL'}, load ${loadavg()[0]?.toFixed(1)}`,
    );
    await searchAll(gateway.url, 1);
    await measureStream(gateway.url);
    print(await searchAll(gateway.url, 4), 4);
    console.log(`load ${loadavg()[0]?.toFixed(1)}`);
  } finally {
    await gateway.stop();
  }
} finally {
  agent.destroy();
  rmSync(dir, { recursive: true, force: true });
}
