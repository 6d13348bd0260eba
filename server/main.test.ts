import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type GatewayOptions,
  type GatewayProcess,
  isRunning,
  spawnGateway,
} from './testing/gateway-process.js';
import { answerOf, openStream, parseLines, readStream } from './testing/read-stream.js';
import { tempFolder } from './testing/temp-folder.js';
import { until } from './testing/until.js';

const started: GatewayProcess[] = [];
afterEach(() => {
  for (const { child } of started.splice(0)) child.kill('SIGKILL');
});

async function spawn(options?: GatewayOptions): Promise<GatewayProcess> {
  const gateway = await spawnGateway(options);
  started.push(gateway);
  return gateway;
}

const ready = (gateway: GatewayProcess) => until(() => gateway.output().includes('✅ Python model loaded.'));
const endless = { plan: { tokens: 1_000_000, gap_ms: 5 } } as const;
const long = { max_tokens: 100_000 } as const;

describe('the process', () => {
  it('says where it listens, then that the model is loaded', async () => {
    const gateway = await spawn();
    await ready(gateway);
    expect(gateway.output()).toMatch(
      /minivault \d+\.\d+\.\d+ listens on http:\/\/127\.0\.0\.1:\d+\n(.*\n)*✅ Python model loaded\./,
    );
  });

  it('writes JSON lines when asked to', async () => {
    const gateway = await spawn({ env: { LOG_JSON: 'true' } });
    await ready(gateway);
    const entries = parseLines(gateway.output());
    expect(
      entries.every(entry => typeof entry.timestamp === 'string' && typeof entry.level === 'string'),
    ).toBe(true);
  });

  it('lists every wrong setting and exits with 78', async () => {
    const gateway = await spawn({ env: { PORT: 'abc', HOST: '0.0.0.0/', LOG_JSON: 'TRUE' } });
    expect(await gateway.exited).toEqual({ code: 78, signal: null });
    for (const text of ['PORT="abc"', 'HOST="0.0.0.0/"', 'LOG_JSON="TRUE"'])
      expect(gateway.output()).toContain(text);
  });

  it('lets nobody reach it from elsewhere without a key, names both remedies and exits with 78', async () => {
    const gateway = await spawn({ env: { HOST: '0.0.0.0' } });
    expect(await gateway.exited).toEqual({ code: 78, signal: null });
    expect(gateway.output()).toMatch(/npm run keys -- create.*API_KEY.*HOST be 127\.0\.0\.1/);
    expect(existsSync(gateway.logFile)).toBe(false);
  });

  it('names a file of keys that is broken and exits with 78', async () => {
    const dir = await tempFolder();
    await writeFile(`${dir}/keys.json`, '{"version":1');
    const gateway = await spawn({ dir });
    expect(await gateway.exited).toEqual({ code: 78, signal: null });
    expect(gateway.output()).toContain(`The keys in ${dir}/keys.json cannot be used: it is not JSON`);
  });

  it('names the port that is taken and exits with 1', async () => {
    const squatter = createServer().listen(0, '127.0.0.1');
    await until(() => squatter.listening);
    const address = squatter.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const gateway = await spawn({ env: { PORT: String(port) } });
    expect(await gateway.exited).toEqual({ code: 1, signal: null });
    expect(gateway.output()).toContain(`Port ${port} on 127.0.0.1 is taken`);
    squatter.close();
  });

  it('names a log that cannot be written and exits with 78', async () => {
    const gateway = await spawn({ env: { MINIVAULT_LOG_FILE: '/etc/hostname/log.jsonl' } });
    expect(await gateway.exited).toEqual({ code: 78, signal: null });
    expect(gateway.output()).toContain('/etc/hostname/log.jsonl');
  });

  it('names the process that has its log, or the folder of its database, and exits with 1', async () => {
    const env = { MINIVAULT_VAULT: 'on' };
    const first = await spawn({ env });
    await first.url();
    const sameLog = await spawn({ dir: first.dir });
    expect(await sameLog.exited).toEqual({ code: 1, signal: null });
    expect(sameLog.output()).toContain(`${first.logFile} is in use by process ${first.child.pid};`);
    const sameFolder = await spawn({
      dir: first.dir,
      env: { ...env, MINIVAULT_LOG_FILE: `${first.dir}/other` },
    });
    expect(await sameFolder.exited).toEqual({ code: 1, signal: null });
    expect(sameFolder.output()).toContain(`is in use by process ${first.child.pid};`);
  });

  it('exits with 78 when the model cannot be served and --fail-fast was given', async () => {
    const gateway = await spawn({ env: { MINIVAULT_PYTHON: '/nowhere/python' }, args: ['--fail-fast'] });
    expect(await gateway.exited).toEqual({ code: 78, signal: null });
    expect(gateway.output()).toContain('/nowhere/python');
  });

  it('ends at once on SIGTERM, also while clients only listen', async () => {
    const gateway = await spawn();
    await ready(gateway);
    const listener = await openStream(`${await gateway.url()}/api/v1/chat/stream/me`, { method: 'GET' });
    const beganMs = performance.now();
    gateway.child.kill('SIGTERM');
    expect(await gateway.exited).toEqual({ code: 0, signal: null });
    expect(performance.now() - beganMs).toBeLessThan(5_000);
    const { text, whole } = await listener.ended;
    expect(whole).toBe(true);
    expect(text).toContain('"shutting_down"');
  });

  it('explains its settings', async () => {
    const gateway = await spawn({ args: ['--help'] });
    expect(await gateway.exited).toEqual({ code: 0, signal: null });
    expect(gateway.output()).toContain('MINIVAULT_MODEL=');
  });
});

describe('the end of the process', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    'comes within a second of %s when idle, and takes the worker with it',
    async signal => {
      const gateway = await spawn();
      await ready(gateway);
      const workerPid = await gateway.workerPid();
      const beganMs = performance.now();
      gateway.child.kill(signal);
      expect(await gateway.exited).toEqual({ code: 0, signal: null });
      expect(performance.now() - beganMs).toBeLessThan(1_000);
      expect(await isRunning(workerPid)).toBe(false);
    },
  );

  it('lets the running answer finish and tells those who wait at once', async () => {
    const gateway = await spawn({ plan: { tokens: 60, gap_ms: 10 } });
    await ready(gateway);
    const url = await gateway.url();
    const running = await openStream(`${url}/generate`, { body: { prompt: 'run' } });
    await running.seen(text => text.includes('"run"'));
    const waiting = await Promise.all(
      Array.from({ length: 20 }, (_, i) => openStream(`${url}/generate`, { body: { prompt: `w${i}` } })),
    );
    gateway.child.kill('SIGTERM');
    for (const stream of waiting) {
      const { text, whole } = await stream.ended;
      expect(whole).toBe(true);
      expect(parseLines(text).at(-1)).toMatchObject({ done: true, error: { code: 'shutting_down' } });
    }
    const { text, whole } = await running.ended;
    expect(whole).toBe(true);
    expect(answerOf(text)).toBe(Array(60).fill('run').join(' '));
    expect(parseLines(text).at(-1)).toMatchObject({ done_reason: 'stop' });
    expect(await gateway.exited).toEqual({ code: 0, signal: null });
    const log = parseLines(await readFile(gateway.logFile, 'utf8'));
    expect(log).toMatchObject([{ prompt: 'run', status: 'completed' }]);
  });

  it('cuts an answer that outlasts the drain, says so in the stream, and keeps its text', async () => {
    const gateway = await spawn({ ...endless, env: { MINIVAULT_DRAIN_TIMEOUT_MS: '200' } });
    const url = await gateway.url();
    const running = await openStream(`${url}/generate`, { body: { prompt: 'run', ...long } });
    await running.seen(text => text.includes('"run"'));
    gateway.child.kill('SIGTERM');
    const { text, whole } = await running.ended;
    expect(whole).toBe(true);
    expect(parseLines(text).at(-1)).toMatchObject({ done: true, error: { code: 'shutting_down' } });
    expect(await gateway.exited).toEqual({ code: 0, signal: null });
    const [line] = parseLines(await readFile(gateway.logFile, 'utf8'));
    expect(line).toMatchObject({ status: 'failed', error: { code: 'shutting_down' } });
    expect(String(line?.response).startsWith(answerOf(text))).toBe(true);
  });

  it('comes within a second of a second signal, with a whole log and no worker left', async () => {
    const gateway = await spawn(endless);
    const url = await gateway.url();
    const running = await openStream(`${url}/generate`, { body: { prompt: 'run', ...long } });
    await running.seen(text => text.includes('"run"'));
    const workerPid = await gateway.workerPid();
    gateway.child.kill('SIGTERM');
    await until(() => gateway.output().includes('SIGTERM'));
    await new Promise(resolve => setTimeout(resolve, 300));
    const beganMs = performance.now();
    gateway.child.kill('SIGTERM');
    const { text, whole } = await running.ended;
    await gateway.exited;
    expect(performance.now() - beganMs).toBeLessThan(1_000);
    await until(async () => !(await isRunning(workerPid)));
    expect(whole).toBe(true);
    expect(parseLines(text).at(-1)).toMatchObject({ done: true, error: { code: 'shutting_down' } });
    const [line] = parseLines(await readFile(gateway.logFile, 'utf8'));
    expect(line).toMatchObject({ status: 'failed', error: { code: 'shutting_down' } });
    expect(String(line?.response).startsWith(answerOf(text))).toBe(true);
  });

  it('takes two signals at the same moment for one: npm repeats what the terminal sent', async () => {
    const gateway = await spawn({ plan: { tokens: 60, gap_ms: 10 } });
    const url = await gateway.url();
    const running = await openStream(`${url}/generate`, { body: { prompt: 'run' } });
    await running.seen(text => text.includes('"run"'));
    gateway.child.kill('SIGINT');
    await until(() => gateway.output().includes('SIGINT'));
    gateway.child.kill('SIGINT');
    expect(answerOf((await running.ended).text)).toBe(Array(60).fill('run').join(' '));
    expect(await gateway.exited).toEqual({ code: 0, signal: null });
  });

  it.each([0, 20, 60, 100, 150, 200, 250, 300, 350, 400])(
    'is clean %i ms into boot and load, without an orphan',
    async delayMs => {
      const gateway = await spawn({ plan: { load_ms: 10_000 } });
      await new Promise(resolve => setTimeout(resolve, delayMs));
      gateway.child.kill('SIGTERM');
      const { code, signal } = await gateway.exited;
      // Before Node has run our first line, the signal's own default ends the process.
      expect(code === 0 || signal === 'SIGTERM').toBe(true);
      await until(async () => (await workersOf(gateway.dir)).length === 0, 2_000);
    },
  );

  it('takes the worker with it even by kill -9: idle, loading or generating', async () => {
    for (const plan of [{}, { load_ms: 10_000 }, endless.plan]) {
      const gateway = await spawn({ plan });
      const url = await gateway.url();
      if (plan === endless.plan) {
        const running = await openStream(`${url}/generate`, { body: { prompt: 'run', ...long } });
        await running.seen(text => text.includes('"run"'));
      } else if (!('load_ms' in plan)) await ready(gateway);
      const workerPid = await gateway.workerPid();
      expect(await isRunning(workerPid)).toBe(true);
      gateway.child.kill('SIGKILL');
      await until(async () => !(await isRunning(workerPid)), 2_000);
    }
  });

  it('does not come because nobody reads its console', async () => {
    const gateway = await spawn({ env: { LOG_LEVEL: 'debug' } });
    const url = await gateway.url();
    gateway.child.stdout?.destroy();
    gateway.child.stderr?.destroy();
    for (let i = 0; i < 5; i++) {
      expect((await readStream(`${url}/generate`, { body: { prompt: 'still here' } })).status).toBe(200);
    }
  });
});

async function workersOf(dir: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name));
  const commands = await Promise.all(
    pids.map(async pid => ({ pid, command: await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '') })),
  );
  return commands
    .filter(({ command }) => command.includes('worker.py') && command.includes(dir))
    .map(({ pid }) => pid);
}
