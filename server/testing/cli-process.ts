// The CLI client, compiled and run as a process of its own.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, onTestFinished, vi } from 'vitest';
import { type Compiled, compile } from './compile.js';
import { type Script, scriptedGateway } from './scripted-gateway.js';

export const CLI_SOURCE = 'cli.test.ts';

export interface CliProcess {
  readonly child: ChildProcess;
  stdout(): string;
  stderr(): string;
  /** The exit code. */
  readonly ended: Promise<number | null>;
}

export interface CliOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  /** What starts node; nothing by default. */
  readonly under?: readonly string[];
}

export interface Asked {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly requests: readonly unknown[];
}

let compiled: Compiled;

/** Call it once in a test file; compiles before its tests. */
export function useCli(): void {
  vi.setConfig({ testTimeout: 30_000 });
  beforeAll(async () => {
    compiled = await compile(CLI_SOURCE);
  }, 30_000);
  afterAll(() => compiled.remove());
}

/** Killed when the test is over, if it still runs then. */
export function runCli(
  args: readonly string[],
  { env = {}, stdin = '', under = [] }: CliOptions = {},
): CliProcess {
  const [command = '', ...rest] = [...under, process.execPath, compiled.program(CLI_SOURCE), ...args];
  const child = spawn(command, rest, { env: { PATH: process.env.PATH, ...env } });
  const output = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  child.stdout.on('data', (chunk: Buffer) => output.stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => output.stderr.push(chunk));
  child.stdin.end(stdin);
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return {
    child,
    stdout: () => Buffer.concat(output.stdout).toString(),
    stderr: () => Buffer.concat(output.stderr).toString(),
    ended: once(child, 'close').then(([code]) => code as number | null),
  };
}

/** Asks a server that plays the script; tells what the client made of it. */
export async function askThroughCli(script: Script, args: readonly string[] = ['hello']): Promise<Asked> {
  const gateway = await scriptedGateway(script);
  const client = runCli(['--url', gateway.url, ...args]);
  const code = await client.ended;
  return { code, stdout: client.stdout(), stderr: client.stderr(), requests: gateway.requests };
}
