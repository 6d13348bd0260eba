// Every fault of the machine that set-up can meet: exit code 78 and one line with the remedy. Fake programs, no network.
import { chmod, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { requireSpace } from './disk.mjs';
import { FakeClone, type Rule, type RunOptions } from './testing/fake-clone.js';

let clone: FakeClone;
beforeEach(async () => {
  clone = await FakeClone.create();
});
afterEach(async () => {
  await clone.dispose();
});

/** The one line that set-up closes with, after the lines that name its steps. */
async function faultOf(options: RunOptions): Promise<{ code: number | null; fault: string }> {
  const { code, stderr } = await clone.run({ script: 'setup/install.mjs', ...options });
  const lines = stderr.trimEnd().split('\n');
  const steps = lines.filter(line => line.startsWith('set-up: '));
  expect(lines).toHaveLength(steps.length + 1);
  return { code, fault: lines.at(-1) ?? '' };
}

const python = (version: number[], venv: boolean): Rule => ({
  on: 'python3 -c',
  say: JSON.stringify({ version, executable: '/usr/bin/python3', venv, pip: true }),
  code: 0,
});

const REFUSED = `Retrying (Retry(total=0)) after connection broken by 'NewConnectionError('Connection refused')': /torch/
ERROR: Could not find a version that satisfies the requirement torch==2.13.0 (from versions: none)
ERROR: No matching distribution found for torch==2.13.0
`;
const OLD = 'Python 3.9.2 (/usr/bin/python3) is too old; install Python 3.10 or newer with its venv module';

it.each<[string, Rule, string]>([
  ['Python is too old', python([3, 9, 2], true), OLD],
  ['the venv module is missing', python([3, 12, 1], false), '`apt install python3.12-venv`'],
  [
    'ensurepip is missing only when it is used',
    { on: '-m venv', say: 'created … because ensurepip is not available.\n', code: 1 },
    '`apt install python3-venv`',
  ],
  [
    'npm reaches no registry',
    { on: 'npm ci', say: 'npm error code ENOTFOUND\nnpm error network …\n', code: 1 },
    'Node packages: the package registry cannot be reached; check the network',
  ],
  [
    'pip reaches no registry',
    { on: 'requirements.txt', say: REFUSED, code: 1 },
    'Python packages: the package registry cannot be reached; check the network',
  ],
  [
    'the disk fills up',
    { on: 'requirements.txt', say: 'ERROR: [Errno 28] No space left on device\n', code: 1 },
    'Python packages: the disk is full; free space',
  ],
  [
    'there is no torch for this Python',
    {
      on: 'requirements.txt',
      say: 'ERROR: No matching distribution found for torch==2.13.0\n',
      code: 1,
    },
    'there is no build of torch==2.13.0 for this Python',
  ],
  [
    'the lock file is not the one of package.json',
    { on: 'npm ci', say: 'npm error code EUSAGE\n', code: 1 },
    'run `npm install`',
  ],
  [
    'the model cannot be converted',
    {
      on: 'prepare_model',
      say: '{"type":"error","id":null,"code":"model_unavailable","message":"No package. Install it."}\n',
      code: 78,
    },
    'set-up failed: Model: No package. Install it.',
  ],
])('names the remedy when %s', async (_, rule, words) => {
  const { code, fault } = await faultOf({ rule: rule });
  expect(fault).toContain(words);
  expect(code).toBe(78);
});

it('keeps all that a failed program said and names the file', async () => {
  const { code, fault } = await faultOf({
    rule: { on: 'requirements.txt', say: 'one\ntwo\nlast words\n', code: 3 },
  });
  expect(fault).toBe(
    'set-up failed: Python packages: ended with exit code 3: last words (all it said: .setup/python-packages.log)',
  );
  expect(code).toBe(1);
});

it('names npm and Python when they are missing', async () => {
  await clone.remove('bin/npm');
  expect(await faultOf({})).toMatchObject({ code: 78, fault: expect.stringContaining('npm is missing') });
  await clone.dispose();
  clone = await FakeClone.create(['npm']);
  const { code, fault } = await faultOf({});
  expect(fault).toContain('no Python found (tried python3, python');
  expect(fault).toContain('`apt install python3 python3-venv`');
  expect(code).toBe(78);
});

it('runs npm by the script that npm names', async () => {
  await clone.write('elsewhere/npm-cli.js', `throw new Error('reached')`);
  const { fault } = await faultOf({ env: { npm_execpath: clone.path('elsewhere/npm-cli.js') } });
  expect(fault).toContain('all it said: .setup/node-packages.log');
  expect(await clone.takeCalls()).toEqual([]);
});

it('takes MINIVAULT_SETUP_PYTHON and no other', async () => {
  const { code, fault } = await faultOf({ env: { MINIVAULT_SETUP_PYTHON: 'python9' } });
  expect(fault).toContain('MINIVAULT_SETUP_PYTHON=python9 is not a Python that runs');
  expect(code).toBe(78);
});

it('clears no folder that .venv only links to', async () => {
  await symlink('/nowhere', clone.path('.venv'));
  const { code, fault } = await faultOf({});
  expect(fault).toContain('.venv is a link');
  expect(code).toBe(78);
});

it('takes a newer Python beside one that is too old', async () => {
  await clone.dispose();
  clone = await FakeClone.create(['npm', 'python3', 'python']);
  expect(await clone.run({ rule: python([3, 9, 2], true) })).toMatchObject({ code: 0 });
  expect(await clone.takeCalls()).toContain('python -m venv --clear .venv');
});

it('refuses Node.js 16 before it looks at anything else', async () => {
  const versions = "Object.defineProperty(process, 'versions', { value: { node: '16.20.2' } });";
  await clone.write('pretence.mjs', versions);
  const { code, fault } = await faultOf({
    env: { NODE_OPTIONS: `--import=${pathToFileURL(clone.path('pretence.mjs'))}` },
  });
  expect(fault).toContain(
    'minivault needs Node.js 20.19 or newer and this is 16.20.2: install a current one',
  );
  expect(code).toBe(78);
});

it('names a file that this copy lacks', async () => {
  await clone.remove('requirements.txt');
  expect(await faultOf({})).toMatchObject({
    code: 78,
    fault: expect.stringContaining('requirements.txt is missing'),
  });
});

it('names a folder that cannot be written', async () => {
  // Root may write anywhere; nobody may not.
  await chmod(clone.root, 0o555);
  const options = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
  const { code, fault } = await faultOf({ spawn: options });
  await chmod(clone.root, 0o755);
  expect(fault).toContain(`${clone.path('.setup')}: a file cannot be written; run this as the owner`);
  expect(code).toBe(78);
});

it('asks for the space it needs before it begins', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'minivault-'));
  await expect(requireSpace(folder, 1)).resolves.toBeUndefined();
  await expect(requireSpace(folder, 2 ** 60)).rejects.toThrow(/GiB free and 1073741824\.0 GiB are needed/);
  await rm(folder, { recursive: true });
});
