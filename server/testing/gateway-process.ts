// The built gateway as a child process: for signals, exit codes and kill -9.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { FakePlan } from './fake-plan.js';
import { until } from './until.js';

const SERVE = path.join(import.meta.dirname, 'fixtures', 'serve.mjs');

export interface GatewayExit {
  readonly code: number | null;
  readonly signal: string | null;
}

export interface GatewayProcess {
  readonly child: ChildProcess;
  readonly dir: string;
  readonly logFile: string;
  /** Everything written to stdout and stderr so far. */
  output(): string;
  /** Resolves with the address once it listens. */
  url(): Promise<string>;
  workerPid(): Promise<number>;
  readonly exited: Promise<GatewayExit>;
}

export interface GatewayOptions {
  readonly plan?: FakePlan;
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  /** Folder to reuse; a new one when absent. */
  readonly dir?: string;
  /** What starts it in place of serve.mjs. */
  readonly script?: string;
}

export async function spawnGateway({
  plan = {},
  env = {},
  args = [],
  dir,
  script = SERVE,
}: GatewayOptions = {}): Promise<GatewayProcess> {
  const home = dir ?? (await mkdtemp(path.join(tmpdir(), 'minivault-')));
  const logFile = path.join(home, 'log.jsonl');
  const child = spawn(process.execPath, [script, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      PORT: '0',
      RATE_LIMIT_ENABLED: 'false',
      MINIVAULT_ENGINE: 'fake',
      MINIVAULT_DATA_DIR: home,
      MINIVAULT_LOG_FILE: logFile,
      MINIVAULT_VAULT: 'off',
      MINIVAULT_FAKE_PLAN: JSON.stringify({ state_dir: home, ...plan }),
      ...env,
    },
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  const exited = new Promise<GatewayExit>(resolve => {
    child.on('close', (code, signal) => resolve({ code, signal }));
  });
  const address = (): string | undefined => /listens on (http:[^\s"]+)/.exec(output)?.[1];
  const url = async (): Promise<string> => {
    await until(() => address() !== undefined);
    return address() ?? '';
  };
  return {
    child,
    dir: home,
    logFile,
    output: () => output,
    url,
    workerPid: async () => {
      const health = (await (await fetch(`${await url()}/health`)).json()) as { worker: { pid: number } };
      return health.worker.pid;
    },
    exited,
  };
}

/** True while a process with this id runs; a zombie does not. */
export async function isRunning(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat !== '' && !/\) [ZX] /.test(stat);
}
