// `npm run bench:relay`: what the gateway costs. The fake engine streams as fast as it can through the gateway and
// through a bare relay (bare-relay.mjs), in turns within one run; both stand on the same worker and the same client.
// Writes its table into the README.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { writeSection } from './readme-section.mjs';
import { runLoad } from './stream-load.mjs';

const REPOSITORY_DIR = path.resolve(import.meta.dirname, '..');
const PYTHON = process.env.MINIVAULT_PYTHON ?? path.join(REPOSITORY_DIR, '.venv/bin/python');
const WORKER = path.join(REPOSITORY_DIR, 'python/worker.py');
const ROUNDS = 7;
const FIRST_TOKEN_ROUNDS = 60;
/** Streams at once, and tokens of each: about a second of work. */
const LOADS = [
  { streams: 1, tokens: 30_000 },
  { streams: 16, tokens: 10_000 },
  { streams: 256, tokens: 1_500 },
];

const dir = mkdtempSync(path.join(tmpdir(), 'minivault-relay-'));
const plan = JSON.stringify({ slots: 256, context_length: 10_000_000, tokens: 1_000_000, gap_ms: 0 });

/** @typedef {{ name: string, url: string, delay: () => Promise<{ p50Ms: number, p99Ms: number }>, stop: () => Promise<void> }} Served */

/** @param {string} name @param {readonly string[]} args @returns {Promise<Served>} */
async function serve(name, args) {
  const delayFile = path.join(dir, `${name}.json`);
  const child = spawn(
    process.execPath,
    ['--import', path.join(import.meta.dirname, 'event-loop-delay.mjs'), ...args],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        PATH: process.env.PATH,
        PORT: '0',
        RATE_LIMIT_ENABLED: 'false',
        LOG_LEVEL: 'info',
        MINIVAULT_ENGINE: 'fake',
        MINIVAULT_PYTHON: PYTHON,
        MINIVAULT_DATA_DIR: dir,
        MINIVAULT_LOG_FILE: path.join(dir, 'log.jsonl'),
        MINIVAULT_FAKE_PLAN: plan,
        EVENT_LOOP_DELAY_FILE: delayFile,
      },
    },
  );
  const url = await new Promise(resolve => {
    let output = '';
    child.stdout.on('data', chunk => {
      output += chunk;
      const found = /listens on (http:\S+)/.exec(output);
      if (found) resolve(found[1]);
    });
  });
  return {
    name,
    url,
    delay: async () => {
      rmSync(delayFile, { force: true });
      child.kill('SIGUSR2');
      while (!existsSync(delayFile)) await new Promise(resolve => setTimeout(resolve, 10));
      return JSON.parse(readFileSync(delayFile, 'utf8'));
    },
    stop: async () => {
      child.kill('SIGTERM');
      await new Promise(resolve => child.once('close', resolve));
    },
  };
}

/** @param {readonly number[]} values @param {number} share */
function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** @param {number} tokensPerSecond */
const thousands = tokensPerSecond => `${Math.round(tokensPerSecond / 1000).toLocaleString('en')},000`;

const gateway = await serve('gateway', [path.join(REPOSITORY_DIR, 'server/testing/fixtures/serve.mjs')]);
const bare = await serve('bare', [path.join(import.meta.dirname, 'bare-relay.mjs'), PYTHON, WORKER, dir]);
try {
  for (const { url } of [gateway, bare]) await runLoad({ url, streams: 16, tokens: 2_000 });

  const rows = [];
  for (const load of LOADS) {
    /** @type {Record<string, { rate: number[], delay: number[] }>} */
    const seen = { gateway: { rate: [], delay: [] }, bare: { rate: [], delay: [] } };
    const ratios = [];
    for (let round = 0; round < ROUNDS; round++) {
      const turn = round % 2 === 0 ? [gateway, bare] : [bare, gateway];
      for (const { name, url, delay } of turn) {
        await delay();
        const { seconds } = await runLoad({ url, ...load });
        seen[name]?.rate.push((load.streams * load.tokens) / seconds);
        seen[name]?.delay.push((await delay()).p99Ms);
      }
      ratios.push((seen.gateway?.rate.at(-1) ?? 0) / (seen.bare?.rate.at(-1) ?? 1));
    }
    const row = {
      streams: load.streams,
      gateway: quantile(seen.gateway?.rate ?? [], 0.5),
      bare: quantile(seen.bare?.rate ?? [], 0.5),
      ratio: quantile(ratios, 0.5),
      delay: quantile(seen.gateway?.delay ?? [], 0.5),
      bareDelay: quantile(seen.bare?.delay ?? [], 0.5),
    };
    rows.push(row);
    console.log(row);
  }

  /** @type {{ gateway: number[], bare: number[] }} */
  const first = { gateway: [], bare: [] };
  for (let round = 0; round < FIRST_TOKEN_ROUNDS; round++) {
    first.gateway.push(...(await runLoad({ url: gateway.url, streams: 1, tokens: 5 })).firstTokenMs);
    first.bare.push(...(await runLoad({ url: bare.url, streams: 1, tokens: 5 })).firstTokenMs);
  }
  const added = quantile(first.gateway, 0.5) - quantile(first.bare, 0.5);
  console.log({ firstToken: quantile(first.gateway, 0.5), bare: quantile(first.bare, 0.5), added });

  const cpu = cpus()[0]?.model.trim() ?? 'unknown CPU';
  const table = [
    `What the gateway costs, measured by \`npm run bench:relay\` on ${new Date().toISOString().slice(0, 10)} (${cpus().length} cores, ${cpu}, Node ${process.version}): the fake`,
    'engine streams as fast as it can through the gateway and, in turns, through a bare `node:http` relay of the same',
    `lines. Medians of ${ROUNDS} rounds; the ratio is the median of the rounds' own ratios.`,
    '',
    '| streams | gateway, tokens/s | bare relay, tokens/s | ratio | event-loop delay p99, gateway / bare |',
    '|---|---|---|---|---|',
    ...rows.map(
      row =>
        `| ${row.streams} | ${thousands(row.gateway)} | ${thousands(row.bare)} | ${row.ratio.toFixed(2)} | ${row.delay.toFixed(1)} / ${row.bareDelay.toFixed(1)} ms |`,
    ),
    '',
    `First token of one stream, median of ${FIRST_TOKEN_ROUNDS}: ${quantile(first.gateway, 0.5).toFixed(1)} ms, ${added.toFixed(1)} ms more than the bare relay.`,
  ];
  writeSection(path.join(REPOSITORY_DIR, 'README.md'), 'relay', table.join('\n'));
} finally {
  await Promise.all([gateway.stop(), bare.stop()]);
  rmSync(dir, { recursive: true, force: true });
}
