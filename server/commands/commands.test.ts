// The commands beside the server, as processes, on the embedded database that they make themselves.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { toLogLine } from '../store/log-line.js';
import { runCommand } from '../testing/command-process.js';
import { type GatewayProcess, spawnGateway } from '../testing/gateway-process.js';
import { copyPgliteTemplate } from '../testing/pglite-template.js';
import { readStream } from '../testing/read-stream.js';
import { sampleExchange } from '../testing/sample-exchange.js';
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
