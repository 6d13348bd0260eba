// npm run audit with programs that say what npm audit and pip-audit say.
import { afterEach, expect, it } from 'vitest';
import { FakeClone } from './testing/fake-clone.js';

const clones: FakeClone[] = [];
afterEach(() => Promise.all(clones.splice(0).map(clone => clone.dispose())));

/** Both programs say the same: each finds its own part in it. */
async function auditThatHears(said: unknown, programs: readonly string[] = ['npm', 'pip-audit']) {
  const clone = await FakeClone.create(programs);
  clones.push(clone);
  const say = typeof said === 'string' ? said : `WARNING: of no account\n${JSON.stringify(said, null, 2)}\n`;
  const { code, stdout } = await clone.run({
    script: 'setup/audit.mjs',
    rule: { on: 'json', say, code: 1 },
  });
  return { code, lines: stdout.trimEnd().split('\n'), calls: await clone.calls() };
}

const lodash = { name: 'lodash', severity: 'high', range: '<4.17.21', fixAvailable: true };
const qs = { name: 'qs', severity: 'moderate', range: '<6', fixAvailable: false };

it('is content when both were asked and know nothing', async () => {
  const heard = { vulnerabilities: {}, dependencies: [{ name: 'torch', version: '1', vulns: [] }] };
  const { code, lines, calls } = await auditThatHears(heard);
  expect({ code, lines }).toEqual({
    code: 0,
    lines: ['npm audit: 0 grave, 0 lesser', 'pip-audit: 0 grave, 0 lesser'],
  });
  expect(calls).toContainEqual(expect.stringMatching(/^npm audit --omit=dev --json/));
  expect(calls).toContainEqual(expect.stringContaining('-r requirements.txt -r requirements-model.txt'));
});

it('names what is grave, and ends with 1', async () => {
  const vulns = [{ id: 'PYSEC-2026-1', fix_versions: ['2.0'] }];
  const { code, lines } = await auditThatHears({
    vulnerabilities: { lodash, qs },
    dependencies: [{ name: 'torch', version: '1', vulns }],
  });
  expect(code).toBe(1);
  expect(lines).toEqual([
    'npm audit: 1 grave, 1 lesser',
    '  lodash <4.17.21: high, there is a newer one',
    '  qs <6: moderate',
    'pip-audit: 1 grave, 0 lesser',
    '  torch 1: PYSEC-2026-1, mended in 2.0',
  ]);
});

it('does not take what only annoys for grave', async () => {
  const { code } = await auditThatHears({ vulnerabilities: { qs }, dependencies: [] });
  expect(code).toBe(0);
});

it.each([
  [
    'a registry that answers no audits',
    { message: '405 Method Not Allowed', statusCode: 405, dependencies: [] },
    'npm audit: could not ask: 405 Method Not Allowed',
  ],
  [
    'a service that knows none of the packages',
    { vulnerabilities: {}, dependencies: [{ name: 'torch', skip_reason: 'not found on PyPI' }] },
    'pip-audit: could not ask: 1 of 1 packages, first torch: not found on PyPI',
  ],
  ['words', 'ConnectionError: nobody there\n', 'pip-audit: could not ask: ConnectionError: nobody there'],
])('says honestly that it could not ask, and ends with 2: %s', async (_name, said, line) => {
  const { code, lines } = await auditThatHears(said);
  expect(code).toBe(2);
  expect(lines).toContain(line);
});

it('says how to get a pip-audit where there is none, and knows no more without npm', async () => {
  const { code, lines } = await auditThatHears('', []);
  expect(code).toBe(2);
  expect(lines).toEqual([
    'npm audit: could not ask: npm does not run',
    expect.stringMatching(
      /^pip-audit: could not ask: there is no pip-audit; install it .*pipx install pip-audit/,
    ),
  ]);
});
