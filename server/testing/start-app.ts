// A whole gateway for tests: real HTTP, real Python worker with the fake engine, its log in a folder of its own.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createApp } from '../app.js';
import { readConfig } from '../config.js';
import { listen } from '../http-server.js';
import { type Logger, silentLogger } from '../log.js';
import { createParts, type Parts } from '../parts.js';
import type { FakePlan } from './fake-plan.js';
import { makeStore, type StoreKind } from './temp-store.js';
import { until } from './until.js';

export interface StartedApp {
  readonly url: string;
  readonly parts: Parts;
  readonly dir: string;
  /** Every line of the log so far, parsed. */
  readLog(): Promise<Record<string, unknown>[]>;
  /** Resolves when the model answers. */
  ready(): Promise<void>;
  /** Polls until the condition holds; fails after 10 s. */
  until(condition: () => boolean | Promise<boolean>): Promise<void>;
  /** @throws Error when anything still has a place or a slot: whatever went wrong in a test, its counters are at 0 (Q10). */
  close(): Promise<void>;
}

export interface StartAppOptions {
  readonly plan?: FakePlan;
  /** Settings by their environment names. */
  readonly env?: Readonly<Record<string, string>>;
  readonly logger?: Logger;
  /** Whether exchanges go into a database, a new one of its own, and of which kind. Default: no. */
  readonly vault?: boolean | StoreKind;
}

export async function startApp({
  plan = {},
  env = {},
  logger = silentLogger(),
  vault = false,
}: StartAppOptions = {}): Promise<StartedApp> {
  const dir = await mkdtemp(path.join(tmpdir(), 'minivault-'));
  const logFile = path.join(dir, 'log.jsonl');
  const store = vault === false ? null : await makeStore(vault === true ? undefined : vault);
  const config = readConfig({
    PORT: '0',
    RATE_LIMIT_ENABLED: 'false',
    MINIVAULT_ENGINE: 'fake',
    MINIVAULT_DATA_DIR: store?.url === null ? path.dirname(store.folder) : dir,
    MINIVAULT_LOG_FILE: logFile,
    MINIVAULT_FAKE_PLAN: JSON.stringify({ state_dir: dir, ...plan }),
    MINIVAULT_VAULT: store === null ? 'off' : 'on',
    ...(store?.url ? { DATABASE_URL: store.url } : {}),
    ...env,
  });
  const parts = await createParts(config, logger);
  const server = await listen(createApp(parts), config.HOST, config.PORT, parts.metrics.recorder);
  if (store !== null) await until(() => parts.vault.database.status().state === 'ready');
  return {
    url: server.url,
    parts,
    dir,
    readLog: async () => {
      const text = await readFile(logFile, 'utf8');
      return text
        .split('\n')
        .filter(Boolean)
        .map(line => JSON.parse(line) as Record<string, unknown>);
    },
    ready: () => until(() => parts.worker.status().state === 'ready'),
    until,
    close: async () => {
      const closed = server.close();
      await parts.drain(0);
      await parts.close();
      server.destroy();
      await closed;
      await store?.remove();
      await rm(dir, { recursive: true, force: true });
      requireQuiet(parts);
    },
  };
}

function requireQuiet({ admission, embedAdmission, board }: Parts): void {
  const { items } = board.snapshot({ name: null, role: 'admin' });
  const left = [admission.running, admission.waiting, embedAdmission.running, embedAdmission.waiting];
  if (items.length === 0 && left.every(count => count === 0)) return;
  throw new Error(`The line is not empty: ${JSON.stringify({ left, items })}`);
}
