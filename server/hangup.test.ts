// SIGHUP: where no terminal sends it, the files are opened anew; where one closes, it is the end.
import { spawn } from 'node:child_process';
import { readFile, rename } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { createKey } from './access/key-changes.js';
import {
  type GatewayOptions,
  type GatewayProcess,
  isRunning,
  spawnGateway,
} from './testing/gateway-process.js';
import { openStream, parseLines, readStream } from './testing/read-stream.js';
import { tempFolder } from './testing/temp-folder.js';
import { until } from './testing/until.js';

const ROOT = path.resolve(import.meta.dirname, '..');
const PYTHON = path.join(ROOT, '.venv/bin/python');
const SERVE = path.join(ROOT, 'server/testing/fixtures/serve.mjs');

const started: GatewayProcess[] = [];
afterEach(() => {
  for (const { child } of started.splice(0)) child.kill('SIGKILL');
});

async function start(options?: GatewayOptions): Promise<{ gateway: GatewayProcess; url: string }> {
  const gateway = await spawnGateway(options);
  started.push(gateway);
  return { gateway, url: await gateway.url() };
}

const ask = (url: string, prompt: string) => readStream(`${url}/generate`, { body: { prompt } });
const promptsIn = async (file: string) =>
  parseLines(await readFile(file, 'utf8')).map(({ prompt }) => prompt);

it('begins log and audit anew after somebody moved them away, while an answer runs', async () => {
  const key = 'k'.repeat(16);
  const { gateway, url } = await start({ env: { API_KEY: key }, plan: { tokens: 100, gap_ms: 20 } });
  const headers = { 'X-API-Key': key };
  const audit = path.join(gateway.dir, 'audit.jsonl');
  expect((await ask(url, 'refused')).status).toBe(401);
  await until(async () => (await readFile(audit, 'utf8').catch(() => '')).includes('invalid_api_key'));
  const running = await openStream(`${url}/generate`, { headers, body: { prompt: 'first' } });
  await running.seen(text => text.includes('"first"'));
  await rename(gateway.logFile, `${gateway.logFile}.old`);
  await rename(audit, `${audit}.old`);
  gateway.child.kill('SIGHUP');
  await until(() => gateway.output().includes('SIGHUP: the log files were opened anew'));
  expect((await running.ended).text).toContain('"done_reason":"stop"');
  // Each in the one file or in the other, and none in neither.
  expect(await promptsIn(gateway.logFile)).toEqual(['first']);
  expect(await promptsIn(`${gateway.logFile}.old`)).toEqual([]);
  expect((await readFile(`${audit}.old`, 'utf8')).trim()).not.toBe('');
  expect(await readFile(audit, 'utf8')).toBe('');
});

it('reads the keys again', async () => {
  const { gateway, url } = await start();
  expect((await ask(url, 'open')).status).toBe(200);
  await createKey(path.join(gateway.dir, 'keys.json'), { name: 'somebody' });
  gateway.child.kill('SIGHUP');
  await until(() => gateway.output().includes('the keys read again'));
  expect((await ask(url, 'closed')).status).toBe(401);
});

it('ends the gateway in order when its terminal is closed', async () => {
  const dir = await tempFolder();
  const logFile = path.join(dir, 'log.jsonl');
  const terminal = spawn(
    PYTHON,
    ['-c', 'import pty, sys; pty.spawn(sys.argv[1:])', process.execPath, SERVE],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: {
        PATH: process.env.PATH,
        PORT: '0',
        MINIVAULT_ENGINE: 'fake',
        MINIVAULT_DATA_DIR: dir,
        MINIVAULT_LOG_FILE: logFile,
        MINIVAULT_VAULT: 'off',
        MINIVAULT_FAKE_PLAN: JSON.stringify({ tokens: 1_000_000, gap_ms: 5 }),
        MINIVAULT_DRAIN_TIMEOUT_MS: '200',
      },
    },
  );
  let output = '';
  terminal.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  const address = (): string => /listens on (http:\S+)/.exec(output)?.[1] ?? '';
  await until(() => address() !== '' && output.includes('✅'));
  const running = await openStream(`${address()}/generate`, {
    body: { prompt: 'run', max_tokens: 100_000 },
  });
  await running.seen(text => text.includes('"run"'));
  const { worker } = (await (await fetch(`${address()}/health`)).json()) as { worker: { pid: number } };
  terminal.kill('SIGKILL');
  expect((await running.ended).text).toContain('"shutting_down"');
  await until(async () => !(await isRunning(worker.pid)));
  expect(parseLines(await readFile(logFile, 'utf8'))).toMatchObject([{ prompt: 'run', status: 'failed' }]);
});
