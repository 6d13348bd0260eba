// What counts as passed: reports of vitest and pytest, stages that fail without a failed test, and the closing line.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { judgeTests } from './stages.mjs';
import { readJunitReport, readVitestReport } from './tally.mjs';
import { FakeClone } from './testing/fake-clone.js';

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

describe('npm test', () => {
  const FAKE_VITEST = `
    import { writeFileSync } from 'node:fs';
    const file = process.argv.find(word => word.startsWith('--outputFile.json=')).split('=')[1];
    const counts = { numPassedTests: 10, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0 };
    writeFileSync(file, JSON.stringify(counts));
  `;

  it('runs everything whatever failed, and closes with the sum', async () => {
    const clone = await FakeClone.create();
    const env = { MINIVAULT_ENGINE: 'fake', MINIVAULT_DATA_DIR: 'elsewhere' };
    await clone.run({ script: 'setup/install.mjs', env });
    await clone.write('node_modules/vitest/vitest.mjs', FAKE_VITEST);
    await clone.write('node_modules/@biomejs/biome/bin/biome', '');
    await clone.takeCalls();

    const good = await clone.run({ script: 'setup/test.mjs', env });
    expect(good.stdout).toMatch(/\n24 passed, 0 failed\n$/);
    expect(good.stdout).toMatch(/^set-up: Model {12} +\d+\.\d s {2}done$/m);
    expect(good.stdout).toMatch(/^pytest, real model +\d+\.\d s {2}ok \(2 passed, 0 failed, 1 skipped\)$/m);
    expect(good.code).toBe(0);
    const calls = await clone.takeCalls();
    expect(calls).toContain('python -u python/prepare_model.py --data-dir data');
    expect(calls).toContainEqual(expect.stringMatching(/pip install .* -r requirements-dev\.txt$/));

    const bad = await clone.run({ script: 'setup/test.mjs', rule: { on: 'ruff check', code: 1 } });
    expect(bad.stdout).toMatch(/^ruff check +\d+\.\d s {2}FAILED$/m);
    expect(bad.stdout).toMatch(/\n24 passed, 1 failed\n$/);
    expect(bad.code).toBe(1);
    expect((await clone.takeCalls()).filter(call => call.includes('pytest'))).toHaveLength(2);
    await clone.dispose();
  });
});
