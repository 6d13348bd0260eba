// The checks and tests of this repository as stages that run one after the other, and the account of them.
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { runChild } from './child.mjs';
import { guardSignals } from './interrupt.mjs';
import { venvPython } from './python.mjs';
import { readJunitReport, readVitestReport } from './tally.mjs';

/** @typedef {import('./tally.mjs').Tally} Tally */
/** @typedef {import('./set-up.mjs').StageTime} StageTime */
/**
 * @typedef {object} Stage
 * @property {string} title
 * @property {readonly string[]} command
 * @property {(() => Tally | null) | null} tally null for a stage that counts no tests
 * @property {true} [isBeside] runs while the one before it does; what it says is shown when both have ended
 */

const ROOT = path.resolve(import.meta.dirname, '..');
const REPORTS = path.join(ROOT, '.setup', 'reports');
const PYTHON = venvPython(path.join(ROOT, '.venv'));

/**
 * @param {...string} segments of a script under node_modules
 * @returns {readonly [string, string]}
 */
function script(...segments) {
  return [process.execPath, path.join(ROOT, 'node_modules', ...segments)];
}

/**
 * @param {string} title
 * @param {...string} command
 * @returns {Stage}
 */
function check(title, ...command) {
  return { title, command, tally: null };
}

/**
 * @param {string} title
 * @param {string} mode of vitest.config.ts
 * @returns {Stage}
 */
function vitest(title, mode) {
  const report = path.join(REPORTS, `vitest-${mode}.json`);
  const flags = [
    'run',
    '--mode',
    mode,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ];
  return {
    title,
    command: [...script('vitest', 'vitest.mjs'), ...flags],
    tally: () => readVitestReport(report),
  };
}

/**
 * @param {string} title
 * @param {string} name of the report
 * @param {string} markers
 * @returns {Stage}
 */
function pytest(title, name, markers) {
  const report = path.join(REPORTS, `pytest-${name}.xml`);
  const flags = ['-m', 'pytest', 'python', '-q', '-m', markers, `--junitxml=${report}`];
  return { title, command: [PYTHON, ...flags], tally: () => readJunitReport(report) };
}

const BIOME = script('@biomejs', 'biome', 'bin', 'biome');

/** @type {readonly Stage[]} */
export const CHECKS = [
  check('biome', ...BIOME, 'check', '--error-on-warnings'),
  check('tsc', ...script('typescript', 'bin', 'tsc'), '-p', '.'),
  check('tsc, page', ...script('typescript', 'bin', 'tsc'), '-p', 'web'),
  check('ruff check', PYTHON, '-m', 'ruff', 'check', '.'),
  check('ruff format', PYTHON, '-m', 'ruff', 'format', '--check', '.'),
];

/** Those with the real model come last and alone: they need the machine for themselves. @type {readonly Stage[]} */
export const TESTS = [
  vitest('vitest', 'test'),
  // Both mostly wait for child processes: side by side they take two thirds of the time.
  { ...pytest('pytest', 'fake', 'not model'), isBeside: true },
  pytest('pytest, real model', 'model', 'model'),
  vitest('vitest, real model', 'model'),
];

/** @type {readonly Stage[]} */
export const FORMATTERS = [
  check('biome', ...BIOME, 'check', '--write'),
  check('ruff check', PYTHON, '-m', 'ruff', 'check', '--fix', '.'),
  check('ruff format', PYTHON, '-m', 'ruff', 'format', '.'),
];

/**
 * Runs all stages, also after a failed one, and closes with `N passed, N failed` if any of them counts tests. Sets the
 * exit code.
 * @param {readonly Stage[]} stages
 * @param {readonly StageTime[]} before what set-up took, for the account
 */
export async function runStages(stages, before) {
  rmSync(REPORTS, { recursive: true, force: true });
  mkdirSync(REPORTS, { recursive: true });
  const giveSignalsBack = guardSignals(() => process.stdout.write('\ninterrupted\n'));
  const rows = before.map(({ title, seconds }) => ({ title: `set-up: ${title}`, seconds, verdict: 'done' }));
  const total = { passed: 0, failed: 0 };
  for (const [first, ...beside] of groupsOf(stages)) {
    if (first === undefined) continue;
    const later = beside.map(stage => runStage(stage, 'pipe'));
    process.stdout.write(`\n── ${first.title}\n`);
    const shown = await runStage(first, 'inherit');
    const kept = await Promise.all(later);
    for (const { title, output } of kept) process.stdout.write(`\n── ${title}\n${output}`);
    for (const { title, seconds, verdict, passed, failed } of [shown, ...kept]) {
      total.passed += passed;
      total.failed += failed;
      rows.push({ title, seconds, verdict });
    }
  }
  giveSignalsBack();
  const width = Math.max(...rows.map(({ title }) => title.length));
  const lines = rows.map(
    ({ title, seconds, verdict }) => `${title.padEnd(width)} ${seconds.toFixed(1).padStart(7)} s  ${verdict}`,
  );
  process.stdout.write(`\n${lines.join('\n')}\n`);
  if (stages.some(({ tally }) => tally !== null)) {
    process.stdout.write(`\n${total.passed} passed, ${total.failed} failed\n`);
  }
  if (total.failed > 0) process.exitCode = 1;
}

/**
 * Each stage with those that run beside it.
 * @param {readonly Stage[]} stages
 * @returns {Stage[][]}
 */
function groupsOf(stages) {
  /** @type {Stage[][]} */
  const groups = [];
  for (const stage of stages) {
    const last = groups.at(-1);
    if (stage.isBeside && last !== undefined) last.push(stage);
    else groups.push([stage]);
  }
  return groups;
}

/**
 * @param {Stage} stage
 * @param {'inherit' | 'pipe'} mode
 */
async function runStage({ title, command, tally: read }, mode) {
  const startMs = performance.now();
  const { isGood, output } = await run(command, mode);
  const tally = read?.() ?? null;
  const { failed, verdict } = read === null ? judgeCheck(isGood) : judgeTests(isGood, tally);
  const seconds = (performance.now() - startMs) / 1000;
  return { title, seconds, verdict, passed: tally?.passed ?? 0, failed, output };
}

/** @param {boolean} isGood */
function judgeCheck(isGood) {
  return isGood ? { failed: 0, verdict: 'ok' } : { failed: 1, verdict: 'FAILED' };
}

/**
 * What a stage of tests counts for. One that fails without a failed test counts as one failure, and so does one that ran
 * no test: nothing that was meant to be checked may pass unseen.
 * @param {boolean} isGood
 * @param {Tally | null} tally
 */
export function judgeTests(isGood, tally) {
  const ran = tally === null ? 0 : tally.passed + tally.failed;
  const failed = Math.max(tally?.failed ?? 0, isGood && ran > 0 ? 0 : 1);
  const counts = tally === null ? 'no report' : `${tally.passed} passed, ${tally.failed} failed`;
  const skipped = tally !== null && tally.skipped > 0 ? `, ${tally.skipped} skipped` : '';
  return { failed, verdict: `${failed > 0 ? 'FAILED' : 'ok'} (${counts}${skipped})` };
}

/**
 * @param {readonly string[]} command
 * @param {'inherit' | 'pipe'} mode
 */
async function run([command = '', ...args], mode) {
  try {
    const { code, output } = await runChild(command, args, { cwd: ROOT, output: mode });
    return { isGood: code === 0, output };
  } catch (error) {
    if (mode === 'inherit') process.stdout.write(`${error}\n`);
    return { isGood: false, output: `${error}\n` };
  }
}
