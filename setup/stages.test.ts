// What counts as passed: reports of vitest and pytest, stages that fail without a failed test, and the closing line.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { judgeTests } from './stages.mjs';
import { readJunitReport, readVitestReport } from './tally.mjs';

const folder = mkdtempSync(path.join(tmpdir(), 'minivault-reports-'));
afterAll(() => rmSync(folder, { recursive: true }));

function report(text: string): string {
  const file = path.join(folder, 'report');
  writeFileSync(file, text);
  return file;
}

describe('reports', () => {
  it('adds up what vitest counted', () => {
    const counts = { numPassedTests: 7, numFailedTests: 2, numPendingTests: 1, numTodoTests: 1 };
    expect(readVitestReport(report(JSON.stringify(counts)))).toEqual({ passed: 7, failed: 2, skipped: 2 });
  });

  it('adds up what pytest counted, errors as failures', () => {
    const text =
      '<?xml version="1.0"?><testsuites name="pytest tests"><testsuite name="pytest" errors="1" failures="2" ' +
      'skipped="3" tests="10" time="0.1"><testcase name="a"/></testsuite></testsuites>';
    expect(readJunitReport(report(text))).toEqual({ passed: 4, failed: 3, skipped: 3 });
  });

  it('makes nothing of a report that is absent or torn', () => {
    expect(readVitestReport(path.join(folder, 'absent'))).toBeNull();
    expect(readVitestReport(report('{"numPassed'))).toBeNull();
    expect(readJunitReport(report('<?xml'))).toBeNull();
  });
});

describe('judgeTests', () => {
  it.each([
    ['passed', true, { passed: 5, failed: 0, skipped: 1 }, 0, 'ok (5 passed, 0 failed, 1 skipped)'],
    ['failed tests', false, { passed: 5, failed: 2, skipped: 0 }, 2, 'FAILED (5 passed, 2 failed)'],
    [
      'a crash after good tests',
      false,
      { passed: 5, failed: 0, skipped: 0 },
      1,
      'FAILED (5 passed, 0 failed)',
    ],
    [
      'no test at all',
      true,
      { passed: 0, failed: 0, skipped: 4 },
      1,
      'FAILED (0 passed, 0 failed, 4 skipped)',
    ],
    ['no report', false, null, 1, 'FAILED (no report)'],
  ])('counts %s', (_, isGood, tally, failed, verdict) => {
    expect(judgeTests(isGood, tally)).toEqual({ failed, verdict });
  });
});
