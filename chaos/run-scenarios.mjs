// Runs scenarios: each in a folder and with a chance of its own; those that mostly wait go side by side. A scenario that
// throws has failed, and the others go on.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describeMachine } from '../bench/machine.mjs';
import { destroyGatewaysIn } from './gateway.mjs';
import { createRandom, seedOf } from './random.mjs';
import { byGoal } from './results.mjs';

const FOLDER = path.join(import.meta.dirname, 'scenarios');
const FAULTS_SHOWN = 20;

/** This machine lacks what a scenario needs: it has neither succeeded nor failed. The message says what is missing. */
export class NotHere extends Error {}

/** @typedef {import('./results.mjs').Result} Result */
/** @typedef {'full' | 'short'} Scale */
/**
 * @typedef {object} RunOptions
 * @property {Scale} scale `short`: a few seconds, to see that nothing is broken
 * @property {import('./random.mjs').Random} random the only chance a scenario has
 * @property {string} folder its own, empty
 * @property {(line: string) => void} say
 * @property {string | null} [databaseUrl] a PostgreSQL in place of the embedded one
 */
/**
 * @typedef {object} Scenario
 * @property {string} goal `G1`
 * @property {string} title what is done to the gateway
 * @property {boolean} [isIdle] it mostly waits, and measures nothing that others could disturb
 * @property {(options: RunOptions) => Promise<import('./results.mjs').Found>} run throws NotHere where it cannot run
 */

/** All there are, by goal. @returns {Promise<Scenario[]>} */
export async function listScenarios() {
  const names = (await readdir(FOLDER)).filter(name => name.endsWith('.mjs'));
  /** @type {Scenario[]} */
  const scenarios = await Promise.all(names.map(name => import(path.join(FOLDER, name))));
  return scenarios.sort(byGoal);
}

/**
 * @param {readonly Scenario[]} scenarios
 * @param {{ scale: Scale, seed: number, databaseUrl?: string | null, say: (line: string) => void }} options
 * @returns {Promise<Result[]>}
 */
export async function runScenarios(scenarios, options) {
  const waiting = scenarios.filter(({ isIdle }) => isIdle);
  const busy = scenarios.filter(({ isIdle }) => !isIdle);
  const results = await Promise.all(waiting.map(scenario => runScenario(scenario, options)));
  for (const scenario of busy) results.push(await runScenario(scenario, options));
  return results.sort(byGoal);
}

/** @param {Scenario} scenario @param {Parameters<typeof runScenarios>[1]} options @returns {Promise<Result>} */
export async function runScenario(scenario, { scale, seed, databaseUrl = null, say }) {
  const { goal, title, run } = scenario;
  const folder = await mkdtemp(path.join(tmpdir(), `minivault-${goal.toLowerCase()}-`));
  const random = createRandom(seedOf(seed, goal));
  const beganMs = performance.now();
  const tell = (/** @type {string} */ line) => say(`${goal}: ${line}`);
  tell(title);
  /** @type {import('./results.mjs').Found} */
  let found;
  try {
    found = await run({ scale, random, folder, say: tell, databaseUrl });
  } catch (error) {
    await destroyGatewaysIn(folder);
    if (error instanceof NotHere) return notRun(scenario, { scale, seed }, error.message);
    const fault = error instanceof Error ? (error.stack ?? error.message) : String(error);
    found = { tried: 0, failed: 1, faults: [`it broke off: ${fault}`], figures: {} };
  }
  // A fault is a failure even where a scenario counted none.
  const failed = Math.max(found.failed, found.faults.length > 0 ? 1 : 0);
  const seconds = (performance.now() - beganMs) / 1000;
  for (const fault of found.faults.slice(0, FAULTS_SHOWN)) tell(fault);
  tell(`${found.tried} tried, ${failed} failed, ${Math.round(seconds)} s, seed ${seed}`);
  if (failed === 0) await rm(folder, { recursive: true, force: true });
  else tell(`all is kept in ${folder}`);
  return {
    ...headOf(scenario, { scale, seed }),
    ...found,
    seconds,
    failed,
    faults: found.faults.slice(0, FAULTS_SHOWN),
    notRun: null,
  };
}

/** @param {Scenario} scenario @param {{ scale: Scale, seed: number }} options */
function headOf({ goal, title }, { scale, seed }) {
  return {
    goal,
    title,
    scale,
    seed,
    date: new Date().toISOString().slice(0, 10),
    machine: describeMachine(),
  };
}

/** @param {Scenario} scenario @param {{ scale: Scale, seed: number }} options @param {string} reason @returns {Result} */
function notRun(scenario, options, reason) {
  return {
    ...headOf(scenario, options),
    seconds: 0,
    tried: 0,
    failed: 0,
    faults: [],
    figures: {},
    notRun: reason,
  };
}
