// A folder for one test, gone when the test is over.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';

export async function tempFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'minivault-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
