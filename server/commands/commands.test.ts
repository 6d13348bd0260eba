// The commands beside the server, as processes, on the embedded database that they make themselves.
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { toLogLine } from '../store/log-line.js';
import { runCommand } from '../testing/command-process.js';
import { type GatewayProcess, spawnGateway } from '../testing/gateway-process.js';
import { copyPgliteTemplate } from '../testing/pglite-template.js';
import { readStream } from '../testing/read-stream.js';
import { sampleExchange } from '../testing/sample-exchange.js';
import { eachServer, makeStore } from '../testing/temp-store.js';
import { until } from '../testing/until.js';

const env = { MINIVAULT_VAULT: 'on' };
let gateway: GatewayProcess;
let dir: string;

// A gateway that has answered twice, its database beside it.
beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'minivault-'));
  await copyPgliteTemplate(path.join(dir, 'vault'));
  gateway = await spawnGateway({ env, dir, plan: { tokens: 3 } });
  for (const prompt of ['one', 'two'])
    await readStream(`${await gateway.url()}/generate`, { body: { prompt } });
  await until(async () => {
    const health = (await (await fetch(`${await gateway.url()}/health`)).json()) as {
      vault: { indexed: number };
    };
    return health.vault.indexed === 2;
  }, 60_000);
}, 90_000);
afterAll(async () => {
  gateway.child.kill('SIGKILL');
  await rm(dir, { recursive: true, force: true });
});

it('tell who has the embedded database, and end with 1', async () => {
  for (const name of ['verify', 'migrate', 'reindex']) {
    const { code, stdout, stderr } = await runCommand(name, { dir });
    expect([name, code, stdout]).toEqual([name, 1, '']);
    expect(stderr).toMatch(
      new RegExp(`^\\S+ is in use by process ${gateway.child.pid}; stop that one first.*\\n$`),
    );
  }
  gateway.child.kill('SIGTERM');
  await gateway.exited;
});

it('verify: finds log and database equal after a stop', async () => {
  const { code, stdout } = await runCommand('verify', { dir });
  expect(stdout).toBe('2 exchanges in the log.\nThe database is equal to it.\n');
  expect(code).toBe(0);
});

it('verify: tells what is missing, extra and different, and reindex makes it good', async () => {
  const file = path.join(dir, 'log.jsonl');
  const [first = '', second = ''] = (await readFile(file, 'utf8')).split('\n');
  const added = sampleExchange({ id: uuidv7() });
  const changed = second.replace('"prompt":"two"', '"prompt":"2"');
  await writeFile(file, `${changed}\nnot an exchange\n${toLogLine(added)}`);
  const found = await runCommand('verify', { dir });
  const idOf = (line: string): string => (JSON.parse(line) as { id: string }).id;
  expect(found.stdout).toBe(
    '2 exchanges in the log (1 damaged lines passed over).\n' +
      `1 missing from the database: ${added.id}\n1 in the database only: ${idOf(first)}\n` +
      `1 different: ${idOf(second)}\nnpm run reindex makes them equal.\n`,
  );
  expect(found.code).toBe(1);
  const made = await runCommand('reindex', { dir });
  expect(made.stdout).toMatch(
    /^warn: .* line=\S+:\d+ .*\n2 exchanges in \d+\.\d s, \d+ a second\. 1 damaged lines were passed over\.\n$/,
  );
  expect(made.code).toBe(0);
  expect((await runCommand('verify', { dir })).code).toBe(0);
});

it('verify: makes no database where there is none', async () => {
  const missing = path.join(dir, 'mistyped');
  const { code, stdout, stderr } = await runCommand('verify', { dir: missing });
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toBe(`There is no database ${missing}/vault and no log ${missing}/log.jsonl.\n`);
  expect(existsSync(missing)).toBe(false);
});

it('migrate: says which version the database has', async () => {
  const { code, stdout } = await runCommand('migrate', { dir });
  expect(stdout).toMatch(/^The database has version \d{3}-\S+: nothing was to be done\.\n$/);
  expect(code).toBe(0);
});

it('explain themselves, and refuse what they do not know', async () => {
  for (const name of ['verify', 'migrate', 'reindex']) {
    const help = await runCommand(name, { dir, args: ['--help'] });
    expect([help.code, help.stderr]).toEqual([0, '']);
    expect(help.stdout).toContain(`Usage: npm run ${name}`);
    expect(await runCommand(name, { dir, args: ['--fix'] })).toMatchObject({ code: 78, stdout: '' });
  }
  const wrong = await runCommand('migrate', { dir, env: { DATABASE_URL: 'mysql://x' } });
  expect(wrong).toMatchObject({ code: 78, stdout: '' });
  expect(wrong.stderr).toContain('DATABASE_URL');
  const away = await runCommand('verify', { dir, env: { DATABASE_URL: 'postgresql://x@127.0.0.1:1/x' } });
  expect(away).toMatchObject({ code: 1, stdout: '' });
});

eachServer('two logs in one database', kind => {
  it('verify and reindex look after their own', { timeout: 60_000 }, async () => {
    const store = await makeStore(kind);
    onTestFinished(() => store.remove());
    const logs = await Promise.all(
      [2, 1].map(async count => {
        const folder = await mkdtemp(path.join(dir, 'log-'));
        const file = path.join(folder, 'log.jsonl');
        const lines = Array.from({ length: count }, () => toLogLine(sampleExchange({ id: uuidv7() })));
        await writeFile(file, lines.join(''));
        const run = (name: string) =>
          runCommand(name, { dir: folder, env: { DATABASE_URL: store.url ?? '' } });
        return { file, run };
      }),
    );
    const [a, b] = logs as [(typeof logs)[0], (typeof logs)[0]];
    expect(await a.run('reindex')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^2 .*\n$/) });
    expect(await b.run('verify')).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(
        /^1 missing from the database: \S+\n2 in the database only: of other gateways' logs, or of log files that are gone\.\nnpm run reindex/m,
      ),
    });
    for (const _ of [1, 2]) {
      const made = await b.run('reindex');
      expect(made).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/^1 exchanges in .*\n2 exchanges of other logs kept\.\n$/),
      });
    }
    expect(await b.run('verify')).toMatchObject({
      code: 0,
      stdout:
        "1 exchanges in the log.\n2 in the database only: of other gateways' logs, or of log files that are gone.\n" +
        'All that is in the log is equal in the database.\n',
    });
    // What is different in A's log is made anew, in place of what was read of it.
    await writeFile(a.file, (await readFile(a.file, 'utf8')).replaceAll('"prompt":"', '"prompt":"2'));
    const different = await a.run('verify');
    expect(different).toMatchObject({ code: 1, stdout: expect.stringContaining('2 different: ') });
    expect((await a.run('reindex')).stdout).toMatch(
      /^2 exchanges in .*\n1 exchanges of other logs kept\.\n$/,
    );
    for (const { run } of logs) expect((await run('verify')).code).toBe(0);
  });
});
