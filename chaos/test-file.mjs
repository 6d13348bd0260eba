// A goal that a test holds already: runs it, and reads how much it tried. Knows no test.
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';

const REPOSITORY = path.resolve(import.meta.dirname, '..');
const VITEST = path.join(REPOSITORY, 'node_modules', 'vitest', 'vitest.mjs');

/** @typedef {{ tests: number, tried: number, faults: string[] }} Tested tried: what the tests put into their `meta.tried`, summed up */

/** @param {string} file from the root @param {string} folder for the report @returns {Promise<Tested>} */
export async function runTestFile(file, folder) {
  const report = path.join(folder, 'report.json');
  const words = [VITEST, 'run', file, '--reporter=json', `--outputFile=${report}`];
  await new Promise(resolve =>
    execFile(process.execPath, words, { cwd: REPOSITORY }, () => resolve(undefined)),
  );
  const { testResults } = JSON.parse(await readFile(report, 'utf8'));
  /** @type {{ fullName: string, status: string, failureMessages: string[], meta?: { tried?: number } }[]} */
  const tests = testResults.flatMap((/** @type {any} */ { assertionResults }) => assertionResults);
  const faults = tests
    .filter(({ status }) => status !== 'passed')
    .map(({ fullName, failureMessages }) => `${fullName}: ${failureMessages.join('\n').slice(0, 500)}`);
  if (tests.length === 0) faults.push(`${file} has no tests: ${testResults[0]?.message}`);
  return { tests: tests.length, tried: tests.reduce((sum, { meta }) => sum + (meta?.tried ?? 0), 0), faults };
}
