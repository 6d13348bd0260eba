// All of set-up: which steps there are, in which order, and which of them have to run. One at a time per folder.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { Fault, toFault } from './fault.mjs';
import { guardSignals } from './interrupt.mjs';
import { acquireLock, lockHolder } from './lock.mjs';
import { modelConversion, modelPackage, wantsPackagedModel, wantsPackages } from './model-steps.mjs';
import { build, nodePackages } from './node-steps.mjs';
import { say, showStep } from './progress.mjs';
import { developmentPackages, pythonPackages, virtualEnvironment } from './python-steps.mjs';
import { Stamps } from './stamp.mjs';
import { createRun } from './step.mjs';
import { vaultFolder, wantsVault } from './vault-steps.mjs';

/** @typedef {{title: string, seconds: number}} StageTime */
/** @typedef {import('./step.mjs').Step} Step */

const ROOT = path.resolve(import.meta.dirname, '..');
const FOLDER = path.join(ROOT, '.setup');

/**
 * Makes everything ready, doing only what is not done yet. On a fault it says one line and ends the process: 78 for
 * a fault of the machine, 1 for a step that failed by itself, 128 + n after a signal.
 * @param {{forTests?: boolean}} [options] forTests adds what checks and tests need
 * @returns {Promise<StageTime[]>} the steps that ran
 */
export async function setUp({ forTests = false } = {}) {
  const startMs = performance.now();
  try {
    const steps = listSteps(forTests);
    const stamps = new Stamps(FOLDER);
    const isDone = steps.every(step => isCurrent(step, stamps));
    const times = isDone ? [] : await performAll(steps, stamps);
    const tookMs = performance.now() - startMs;
    if (isDone) say(`nothing to do (${tookMs.toFixed(0)} ms)`);
    else if (times.length === 0) say('nothing is left to do');
    else say(`done in ${(tookMs / 1000).toFixed(1)} s`);
    return times;
  } catch (error) {
    const fault = toFault(error);
    if (!(fault instanceof Fault)) throw error;
    process.stderr.write(`set-up failed: ${fault.message}\n`);
    process.exit(fault.exitCode);
  }
}

/**
 * Titles of the steps that `npm start` would still do, in order; nothing is changed.
 * @throws {Fault} when this copy of the program is not whole
 */
export function unfinishedSteps() {
  const stamps = new Stamps(FOLDER);
  return listSteps(false)
    .filter(step => !isCurrent(step, stamps))
    .map(({ title }) => title);
}

/** @returns {number | null} the process that sets up now */
export function runningSetUp() {
  return lockHolder(FOLDER);
}

/** @param {boolean} forTests */
function listSteps(forTests) {
  return [
    nodePackages(ROOT),
    virtualEnvironment(ROOT),
    pythonPackages(ROOT),
    ...(forTests ? [developmentPackages(ROOT)] : []),
    ...(wantsPackages() ? [modelPackage(ROOT)] : []),
    ...(wantsPackagedModel() ? [modelConversion(ROOT)] : []),
    build(ROOT),
    ...(wantsVault() ? [vaultFolder(ROOT)] : []),
  ];
}

/**
 * @param {Step} step
 * @param {Stamps} stamps
 */
function isCurrent(step, stamps) {
  return !stamps.isBegun(step.id) && step.isThere() && stamps.isFinished(step.id, step.hash());
}

/**
 * @param {readonly Step[]} steps
 * @param {Stamps} stamps
 */
async function performAll(steps, stamps) {
  mkdirSync(FOLDER, { recursive: true });
  let release = () => {};
  const giveSignalsBack = guardSignals(() => {
    release();
    process.stderr.write('\nset-up interrupted; the next one goes on from here\n');
  });
  try {
    release = await acquireLock(FOLDER, pid => say(`waiting for the set-up of process ${pid}`));
    for (const step of steps) restartEarlier(step, stamps);
    /** @type {StageTime[]} */
    const times = [];
    for (const step of steps) {
      if (!isCurrent(step, stamps)) times.push({ title: step.title, seconds: await perform(step, stamps) });
    }
    return times;
  } finally {
    release();
    giveSignalsBack();
  }
}

/**
 * An interrupted step that leaves an earlier one's result damaged is no longer the one to repeat.
 * @param {Step} step
 * @param {Stamps} stamps
 */
function restartEarlier(step, stamps) {
  if (step.restartsAt !== undefined && stamps.isBegun(step.id)) stamps.handOver(step.id, step.restartsAt);
}

/**
 * @param {Step} step
 * @param {Stamps} stamps
 * @returns {Promise<number>} seconds it took
 */
async function perform(step, stamps) {
  const interrupted = stamps.isBegun(step.id);
  const hash = step.hash();
  stamps.begin(step.id);
  for (const later of step.spoils) stamps.forget(later);
  const progress = showStep(step.title);
  const run = createRun(step, {
    root: ROOT,
    folder: FOLDER,
    onSpawn: pid => stamps.renew(step.id, pid),
    onStage: progress.stage,
  });
  try {
    const detail = await step.perform(run, interrupted);
    stamps.finish(step.id, hash);
    return progress.done(detail);
  } catch (error) {
    progress.fail();
    if (error instanceof Fault && error.harmless) stamps.abandon(step.id);
    throw error;
  }
}
