// Around one run of the tests: sees to it that embedded databases can be copied, gives the PostgreSQL of that run a
// place, and stops it if a test has started it.
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestProject } from 'vitest/node';
import { makePgliteTemplate } from './pglite-template.js';
import { isRunning } from './processes.js';
import { until } from './until.js';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Folder of this run's PostgreSQL. */
    postgresFolder: string;
  }
}

const PREFIX = 'minivault-postgres-';

export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  // Takes seconds, once; a test has no such time.
  await makePgliteTemplate();
  for (const name of readdirSync(tmpdir())) {
    const pid = name.startsWith(PREFIX) ? Number(name.slice(PREFIX.length).split('-')[0]) : null;
    // Of a run that was killed.
    if (pid !== null && !isRunning(pid)) void stop(path.join(tmpdir(), name));
  }
  const folder = mkdtempSync(path.join(tmpdir(), `${PREFIX}${process.pid}-`));
  // The server may be another user.
  chmodSync(folder, 0o755);
  provide('postgresFolder', folder);
  return () => stop(folder);
}

async function stop(folder: string): Promise<void> {
  const pid = serverPid(folder);
  if (pid !== null && isRunning(pid)) {
    process.kill(pid, 'SIGINT');
    await until(() => !isRunning(pid));
  }
  rmSync(folder, { recursive: true, force: true });
}

function serverPid(folder: string): number | null {
  try {
    return Number(readFileSync(path.join(folder, 'data', 'postmaster.pid'), 'utf8').split('\n')[0]);
  } catch {
    return null;
  }
}
