// A built command (`npm run verify`) as a process of its own, on the log and the data of a folder.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

const COMMAND = path.join(import.meta.dirname, 'fixtures', 'command.mjs');

export interface CommandOptions {
  /** With `log.jsonl`, and the embedded database. */
  readonly dir: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
}

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export async function runCommand(
  name: string,
  { dir, env = {}, args = [] }: CommandOptions,
): Promise<CommandResult> {
  const child = spawn(process.execPath, [COMMAND, name, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      MINIVAULT_DATA_DIR: dir,
      MINIVAULT_LOG_FILE: path.join(dir, 'log.jsonl'),
      ...env,
    },
  });
  const output = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  child.stdout.on('data', (chunk: Buffer) => output.stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => output.stderr.push(chunk));
  const [code] = await once(child, 'close');
  return {
    code: code as number | null,
    stdout: Buffer.concat(output.stdout).toString(),
    stderr: Buffer.concat(output.stderr).toString(),
  };
}
