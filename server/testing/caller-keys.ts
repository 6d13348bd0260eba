// Stored keys of tests in a file of their own, and what a caller asks with one.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { createKey, type KeyDraft } from '../access/key-changes.js';
import type { UsageAnswer } from '../dialects/usage.js';
import { type ReadStream, readStream } from './read-stream.js';
import type { StartedApp } from './start-app.js';

/** What keys are limited over: answers that end by themselves, one that does not, and one whose worker dies. */
export const PLAN = {
  tokens: 4,
  slots: 2,
  rules: [
    { match: 'SLOW', tokens: 1_000_000, gap_ms: 5 },
    { match: 'DIES', at: 3, do: 'exit:139' },
  ],
};
export const EMBEDDER = 'all-minilm-l6-v2';
export const SLOW = { prompt: 'SLOW', max_tokens: 4_000 };
export const SLOW_CHAT = { model: 'fake', messages: [{ role: 'user', content: 'SLOW' }], max_tokens: 4_000 };

export interface CallerKeys {
  /** Gone after the last test of the file. */
  readonly folder: () => string;
  /** For `env` of startApp. */
  readonly env: () => { readonly MINIVAULT_KEYS_FILE: string };
  /** The headers of a new key, which the gateways know when this resolves. */
  make(draft: Omit<KeyDraft, 'name'>, ...apps: StartedApp[]): Promise<Record<string, string>>;
}

/** Call it once in a test file. There is one key from the start, so that requests need one. */
export function useCallerKeys(): CallerKeys {
  let folder = '';
  let names = 0;
  const file = (): string => path.join(folder, 'keys.json');
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'minivault-'));
    await createKey(file(), { name: 'first' });
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return {
    folder: () => folder,
    env: () => ({ MINIVAULT_KEYS_FILE: file() }),
    make: async (draft, ...apps) => {
      names += 1;
      const { secret } = await createKey(file(), { name: `key-${names}`, ...draft });
      await Promise.all(apps.map(app => app.parts.doorkeeper.keys.reload()));
      return { Authorization: `Bearer ${secret}` };
    },
  };
}

export async function usageOf(app: StartedApp, headers: Record<string, string>): Promise<UsageAnswer> {
  return (await (await fetch(`${app.url}/v1/usage`, { headers })).json()) as UsageAnswer;
}

export function post(
  app: StartedApp,
  route: string,
  headers: Record<string, string>,
  body: unknown,
): Promise<ReadStream> {
  return readStream(app.url + route, { headers, body });
}
