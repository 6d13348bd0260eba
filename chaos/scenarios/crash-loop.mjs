// G14: a worker that never comes up. The gateway must neither hammer nor hang: it gives up for now, says why, and rests.
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ask } from '../client.mjs';
import { SIMPLE_NDJSON } from '../dialects.mjs';
import { startGateway } from '../gateway.mjs';
import { Ledger } from '../ledger.mjs';

export const goal = 'G14';
export const title = 'a worker that dies at every start, for 60 s; or has no Python';
export const isIdle = true;

const WATCH_MS = { full: 60_000, short: 12_000 };
const MAX_STARTS = 8;
const MAX_CPU_SHARE = 0.05;
/** The last words of a child are read, the answer to the prompts is sent. */
const REST_AFTER_MS = 1_000;
const MIN_REST_MS = 3_000;

/** @type {readonly { name: string, plan?: Record<string, unknown>, env?: Record<string, string> }[]} */
const LOOPS = [
  { name: 'exit code 1 while it loads', plan: { load: [{ do: 'exit:1' }] } },
  { name: 'SIGSEGV while it loads', plan: { load: [{ do: 'kill:SEGV' }] } },
  { name: 'no Python', env: { MINIVAULT_PYTHON: '/nowhere/python' } },
];

/** @param {import('../run-scenarios.mjs').RunOptions} options */
export async function run({ scale, random, folder }) {
  const loops = await Promise.all(
    LOOPS.map(({ name, plan = {}, env = {} }, number) =>
      runLoop({
        name,
        plan,
        env,
        folder: path.join(folder, String(number)),
        watchMs: WATCH_MS[scale],
        random,
      }),
    ),
  );
  const faults = loops.flatMap(loop => loop.faults);
  const most = (/** @type {number[]} */ values) => Math.max(...values);
  return {
    tried: loops.length,
    failed: loops.filter(loop => loop.faults.length > 0).length,
    faults,
    figures: {
      [`starts in ${WATCH_MS[scale] / 1000} s, at most`]: most(loops.map(({ starts }) => starts)),
      'CPU while given up, at most': `${(most(loops.map(({ cpuShare }) => cpuShare)) * 100).toFixed(1)} %`,
    },
  };
}

/** @param {{ name: string, plan: Record<string, unknown>, env: Record<string, string>, folder: string, watchMs: number, random: import('../random.mjs').Random }} options */
async function runLoop({ name, plan, env, folder, watchMs, random }) {
  const beganMs = performance.now();
  const gateway = await startGateway({ folder, plan, env, hasVault: false });
  const url = await gateway.url;
  const ledger = new Ledger(random);
  // It waits for the model; nobody may wait for ever.
  const waiting = ask(url, ledger, { dialect: SIMPLE_NDJSON });
  await gateway.until('giving up', ({ worker }) => worker.state === 'failed');
  const asked = [await waiting, await ask(url, ledger, { dialect: SIMPLE_NDJSON })];
  await sleep(REST_AFTER_MS);
  const [restedAtMs, cpuBefore] = [performance.now(), gateway.cpuSeconds];
  await sleep(Math.max(MIN_REST_MS, watchMs - (restedAtMs - beganMs)));
  const cpuShare = (gateway.cpuSeconds - cpuBefore) / ((performance.now() - restedAtMs) / 1000);
  const { worker, queue } = await gateway.health();
  const starts = worker.restarts + 1;
  await gateway.stop();

  const faults = [];
  if (starts > MAX_STARTS) faults.push(`${starts} starts`);
  if (cpuShare > MAX_CPU_SHARE) faults.push(`${(cpuShare * 100).toFixed(1)} % of a core while given up`);
  if (!worker.fault) faults.push('/health does not say why');
  if (queue.waiting + queue.running > 0) faults.push('prompts still wait');
  for (const { outcome, code } of asked) {
    if (code !== 'model_unavailable') faults.push(`a prompt was told ${outcome}: ${code}`);
  }
  return { starts, cpuShare, faults: faults.map(fault => `${name}: ${fault}`) };
}
