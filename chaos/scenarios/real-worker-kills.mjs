// G2: the worker with the real model is killed while it loads, while it reads a prompt and while it answers. A schema with
// the request's own nonce in it says what each answer has to be, so that a word of another one would show.
import { existsSync } from 'node:fs';
import { mkdir, symlink } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { quantile } from '../../bench/statistics.mjs';
import { ask } from '../client.mjs';
import { OPENAI_CHAT } from '../dialects.mjs';
import { startGateway } from '../gateway.mjs';
import { checkInvariants } from '../invariants.mjs';
import { Ledger } from '../ledger.mjs';
import { between, wholeBetween } from '../random.mjs';
import { NotHere } from '../run-scenarios.mjs';
import { until, WorkerProcess } from '../worker-process.mjs';

export const goal = 'G2';
export const title = 'kill -9 of the worker with the real model, while it loads, reads and answers';

const REPOSITORY = path.resolve(import.meta.dirname, '../..');
const MODEL = path.join(
  REPOSITORY,
  process.env.MINIVAULT_DATA_DIR ?? 'data',
  'models',
  'smollm2-135m-instruct',
);
const KILLS = { full: 50, short: 3 };
/** The first so many hit a worker that does nothing: how long it takes to be back tells how long it takes to load. */
const IDLE_KILLS = { full: 5, short: 1 };
const MORE_THAN_LOAD_MS = 2_000;
/** In a test the machine is shared: there its figure says nothing. */
const LIMIT_MS = { full: MORE_THAN_LOAD_MS, short: 60_000 };
const COMPANIONS = 3;
const KEYS = ['a', 'b', 'c', 'd', 'e', 'f'];
const TOKENS = 400;
/** @type {readonly ('prefill' | 'decode' | 'load')[]} */
const PHASES = ['prefill', 'decode', 'load'];
/** Long enough to be hit while it is read. The next token may be its own: then to read it anew, a second or so, counts. */
const LONG_WORDS = 300;

/** @typedef {import('../ledger.mjs').Entry} Entry */

/** @param {import('../run-scenarios.mjs').RunOptions} options @throws {NotHere} without the model */
export async function run({ scale, random, folder, say, databaseUrl = null }) {
  if (!existsSync(MODEL)) throw new NotHere('the model is not set up');
  await mkdir(folder, { recursive: true });
  for (const name of ['models', 'native']) {
    await symlink(path.join(MODEL, '..', '..', name), path.join(folder, name));
  }
  const ledger = new Ledger(random);
  const gateway = await startGateway({
    folder,
    databaseUrl,
    env: { MINIVAULT_ENGINE: 'batched', MINIVAULT_MODEL_ALIASES: '*' },
  });
  const url = await gateway.url;
  await gateway.ready();
  const worker = new WorkerProcess(gateway);
  let lastTextAtMs = 0;
  const put = (/** @type {string} */ prompt) =>
    ask(url, ledger, {
      dialect: OPENAI_CHAT,
      prompt,
      tokens: TOKENS,
      words: null,
      expects: (text, { nonce }) => answerOf(nonce).startsWith(text.replaceAll(' ', '')),
      fields: ({ nonce }) => ({ response_format: schemaOf(nonce) }),
      onText: () => {
        lastTextAtMs = performance.now();
      },
    });
  const recovered = async () => {
    await until(() => lastTextAtMs > worker.killedAtMs, 'a word after the kill');
    return lastTextAtMs - worker.killedAtMs;
  };

  /** @type {number[]} */
  const loadsMs = [];
  /** @type {number[]} */
  const recoveriesMs = [];
  const hit = { load: 0, prefill: 0, decode: 0, idle: 0 };
  for (let kill = 1; kill <= KILLS[scale]; kill++) {
    // A whole answer, so that the wait before the next restart is the shortest again.
    await put('Say the words.');
    if (kill <= IDLE_KILLS[scale]) {
      await worker.kill();
      loadsMs.push((await worker.ready()) - worker.killedAtMs);
      hit.idle += 1;
      continue;
    }
    const phase = PHASES[kill % PHASES.length] ?? 'decode';
    const loadMs = quantile(loadsMs, 0.5) ?? 0;
    const companions = Array.from({ length: COMPANIONS }, () => put('Say the words.'));
    const firstEntry = ledger.entries.length;
    const probe = put(longPrompt(random));
    const entry = /** @type {Entry} */ (ledger.entries[firstEntry]);
    if (phase === 'decode') {
      await until(() => entry.pieces > 0, 'the first word');
      await sleep(between(random, 0, 300));
    } else await sleep(between(random, 0, 400));
    hit[entry.pieces > 0 ? 'decode' : 'prefill'] += 1;
    await worker.kill();
    if (phase === 'load' && kill < KILLS[scale]) {
      await sleep(between(random, 0.2, 0.9) * loadMs);
      await worker.kill();
      hit.load += 1;
      kill += 1;
    }
    // All that were in it may have had their first word, and then nothing is left to be answered.
    const next = put('Say the words.');
    recoveriesMs.push(await recovered());
    await Promise.all([...companions, probe, next]);
    if (kill % 10 === 0) say(`${kill} of ${KILLS[scale]} kills`);
  }
  const { faults } = await checkInvariants(gateway, ledger);
  await gateway.stop();

  for (const { outcome, text, nonce, number, code } of ledger.entries) {
    if (outcome === 'completed' && text.replaceAll(' ', '') !== answerOf(nonce)) {
      faults.push(`request ${number} ended before its answer did: ${text}`);
    }
    if (outcome !== 'completed' && text === '') faults.push(`a queued prompt was lost: ${outcome} ${code}`);
  }
  const load = quantile(loadsMs, 0.5) ?? Number.NaN;
  const p95 = quantile(recoveriesMs, 0.95) ?? Number.NaN;
  if (!(p95 <= load + LIMIT_MS[scale]))
    faults.push(`back after ${Math.round(p95)} ms, a load takes ${Math.round(load)}`);
  const { completed, failed } = ledger.counts();
  const seconds = (/** @type {number} */ ms) => `${(ms / 1000).toFixed(1)} s`;
  return {
    tried: hit.idle + hit.load + hit.prefill + hit.decode,
    failed: faults.length,
    faults,
    figures: {
      'in load': hit.load,
      'in prefill': hit.prefill,
      'in decode': hit.decode,
      requests: ledger.entries.length,
      completed,
      'ended by a kill with their text kept': failed,
      'load time': seconds(load),
      'next token after the kill, p95': seconds(p95),
      'at most': seconds(Math.max(...recoveriesMs)),
    },
  };
}

/** @param {import('../random.mjs').Random} random */
function longPrompt(random) {
  return Array.from({ length: LONG_WORDS }, () => `word${wholeBetween(random, 0, 99)}`).join(' ');
}

/** @param {string} nonce */
function answerOf(nonce) {
  return JSON.stringify(Object.fromEntries(KEYS.map(key => [key, nonce])));
}

/** @param {string} nonce */
function schemaOf(nonce) {
  const properties = Object.fromEntries(KEYS.map(key => [key, { const: nonce }]));
  const schema = { type: 'object', properties, required: KEYS, additionalProperties: false };
  return { type: 'json_schema', json_schema: { name: 'marks', strict: true, schema } };
}
