// The gateway where the system gives it little: no working folder, no home, a disk that cannot be written, few descriptors.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdir, readdir } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import path from 'node:path';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { type GatewayProcess, spawnGateway } from './testing/gateway-process.js';
import { answerOf, readStream } from './testing/read-stream.js';
import { tempFolder } from './testing/temp-folder.js';
import { until } from './testing/until.js';

const SERVE = path.resolve(import.meta.dirname, '../setup/serve.mjs');

const started: GatewayProcess[] = [];
const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const { child } of started.splice(0)) child.kill('SIGKILL');
});

/** Starts it by a line of shell, in which `$SERVE` is what serves. */
function runShell(line: string, env: Readonly<Record<string, string>>, under: readonly string[] = []) {
  const [command = '', ...args] = [...under, 'sh', '-c', line];
  const child = spawn(command, args, {
    env: {
      PATH: process.env.PATH,
      SERVE: `${process.execPath} ${SERVE}`,
      PORT: '0',
      MINIVAULT_ENGINE: 'fake',
      ...env,
    },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  const exited = new Promise<number | null>(resolve => child.on('close', resolve));
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return { child, output: () => output, exited };
}

const url = (output: string): string => /listens on (http:\S+)/.exec(output)?.[1] ?? '';
async function answers(gateway: { output(): string }): Promise<string> {
  await until(() => url(gateway.output()) !== '');
  const { text } = await readStream(`${url(gateway.output())}/generate`, {
    body: { prompt: 'hi', max_tokens: 2 },
  });
  return answerOf(text);
}

describe('the gateway', () => {
  it('serves from a folder that is gone, with no home', async () => {
    const dir = await tempFolder();
    const gateway = runShell('mkdir gone && cd gone && rmdir ../gone && unset HOME && exec $SERVE', {
      MINIVAULT_DATA_DIR: dir,
      MINIVAULT_LOG_FILE: path.join(dir, 'log.jsonl'),
      MINIVAULT_VAULT: 'off',
    });
    expect(await answers(gateway)).toBe('hi hi');
    gateway.child.kill('SIGTERM');
    expect(await gateway.exited).toBe(0);
  });

  const mayMount = spawnSync('unshare', ['-m', 'true']).status === 0;
  describe.runIf(mayMount)('on a disk that cannot be written', () => {
    const mounted = 'mount -t tmpfs -o ro tmpfs "$RO" && exec $SERVE';

    it('says that no log can be kept there, and what to do', async () => {
      const dir = await tempFolder();
      const gateway = runShell(
        mounted,
        { RO: dir, MINIVAULT_DATA_DIR: dir, MINIVAULT_LOG_FILE: path.join(dir, 'log.jsonl') },
        ['unshare', '-m'],
      );
      expect(await gateway.exited).toBe(78);
      expect(gateway.output()).toContain(
        `EROFS: read-only file system, open '${path.join(dir, 'log.jsonl')}'. Name a file in a folder`,
      );
      expect(gateway.output()).not.toMatch(/^ +at /m);
    });

    it('answers without its database when only that is there', async () => {
      const dir = await tempFolder();
      const data = path.join(dir, 'data');
      await mkdir(data);
      const gateway = runShell(
        mounted,
        { RO: data, MINIVAULT_DATA_DIR: data, MINIVAULT_LOG_FILE: path.join(dir, 'log.jsonl') },
        ['unshare', '-m'],
      );
      expect(await answers(gateway)).toBe('hi hi');
      expect(gateway.output()).toMatch(/The database is away .*EROFS/);
      const history = await fetch(`${url(gateway.output())}/history`);
      expect(history.status).toBe(503);
      expect(gateway.output()).not.toMatch(/^ +at /m);
    });
  });

  const mayBound = spawnSync('prlimit', ['--version']).status === 0;
  it.runIf(mayBound)(
    'lives through having no descriptors left, and serves when it has some again',
    async () => {
      const gateway = await spawnGateway();
      started.push(gateway);
      const address = await gateway.url();
      await until(() => gateway.output().includes('✅'));
      const pid = gateway.child.pid ?? 0;
      const open = async () => (await readdir(`/proc/${pid}/fd`)).length;
      const limit = (await open()) + 20;
      execFileSync('prlimit', ['--pid', String(pid), `--nofile=${limit}:${limit}`]);
      let failed = 0;
      for (let i = 0; i < 60; i++) {
        const socket = connect(Number(new URL(address).port), '127.0.0.1');
        for (const event of ['error', 'close']) socket.once(event, () => failed++);
        sockets.push(socket);
      }
      await until(async () => (await open()) >= limit - 1 || failed > 0);
      // Its worker dies meanwhile, and nothing can be opened for another.
      const worker = (await (await fetch(`${address}/health`).catch(() => null))?.json()) as
        | { worker: { pid: number } }
        | undefined;
      if (worker !== undefined) process.kill(worker.worker.pid, 'SIGKILL');
      await new Promise(resolve => setTimeout(resolve, 1_000));
      expect(gateway.child.exitCode).toBeNull();
      for (const socket of sockets.splice(0)) socket.destroy();
      await until(async () => (await fetch(`${address}/livez`).catch(() => null))?.ok === true);
      const { text } = await readStream(`${address}/generate`, { body: { prompt: 'hi', max_tokens: 2 } });
      expect(answerOf(text)).toBe('hi hi');
    },
  );
});
