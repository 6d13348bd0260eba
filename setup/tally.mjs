// How many tests passed and failed, from the reports that vitest and pytest write. Runs nothing.
import { readFileSync } from 'node:fs';

/** @typedef {{passed: number, failed: number, skipped: number}} Tally */

/**
 * @param {string} file a report by vitest's JSON reporter
 * @returns {Tally | null} null when there is none or half of one
 */
export function readVitestReport(file) {
  try {
    const report = JSON.parse(readFileSync(file, 'utf8'));
    return {
      passed: report.numPassedTests,
      failed: report.numFailedTests,
      skipped: report.numPendingTests + report.numTodoTests,
    };
  } catch {
    return null;
  }
}

/**
 * @param {string} file a report in JUnit's XML, as pytest writes it
 * @returns {Tally | null} null when there is none or half of one
 */
export function readJunitReport(file) {
  try {
    const suites = [...readFileSync(file, 'utf8').matchAll(/<testsuite\s([^>]*)>/g)];
    if (suites.length === 0) return null;
    const tally = { passed: 0, failed: 0, skipped: 0 };
    for (const [, attributes = ''] of suites) {
      const count = (/** @type {string} */ name) =>
        Number(new RegExp(`\\b${name}="(\\d+)"`).exec(attributes)?.[1] ?? 0);
      const failed = count('failures') + count('errors');
      tally.failed += failed;
      tally.skipped += count('skipped');
      tally.passed += Math.max(0, count('tests') - failed - count('skipped'));
    }
    return tally;
  } catch {
    return null;
  }
}
