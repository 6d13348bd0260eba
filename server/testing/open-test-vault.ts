// A log, a database and the follower between them, in a folder of their own; what a test stops it can start again.
import { sql } from 'kysely';
import { afterAll, onTestFinished } from 'vitest';
import type { Database } from '../store/database.js';
import { Eraser } from '../store/eraser.js';
import type { ExchangeLogOptions } from '../store/exchange-log.js';
import { LogFollower } from '../store/log-follower.js';
import { type AwayDatabase, awayDatabase } from './away-database.js';
import { openTestLog, type TestLog } from './open-test-log.js';
import { type LogEntry, recordingLogger } from './recording-logger.js';
import { openTempStore, type StoreKind, type TempStore } from './temp-store.js';

export interface VaultSession {
  readonly follower: LogFollower;
  readonly eraser: Eraser;
  close(): Promise<void>;
}

export interface TestVault extends TestLog, VaultSession {
  readonly database: Database;
  /** The same, as the first session sees it. */
  readonly first: AwayDatabase;
  readonly warnings: LogEntry[];
  /** Ids of the rows, in the order of the ids. */
  rows(): Promise<string[]>;
  /** Another follower and eraser on the same log, as the next start has them. */
  start(database?: Database): VaultSession;
}

export interface TestVaultOptions {
  readonly log?: Partial<ExchangeLogOptions>;
  readonly language?: string;
  /** Another vault of the same test has the same database. */
  readonly isShared?: boolean;
  /** Default: the quickest one with vectors. */
  readonly kind?: StoreKind;
}

/** One of a kind for all tests of a file: it is emptied after each. */
const stores = new Map<StoreKind | undefined, TempStore>();
afterAll(async () => {
  for (const store of stores.values()) await store.close();
});

async function empty(database: Database): Promise<void> {
  await database.run(db => sql`truncate exchanges, log_files, erasures cascade`.execute(db));
}

/** Closed when the test is over. */
export async function openTestVault({
  log: logOptions = {},
  language = 'english',
  isShared = false,
  kind,
}: TestVaultOptions = {}): Promise<TestVault> {
  const store = stores.get(kind) ?? (await openTempStore(kind));
  stores.set(kind, store);
  const { database } = store;
  onTestFinished(() => empty(database));
  const testLog = await openTestLog(logOptions);
  const { logger, entries: warnings } = recordingLogger();
  const { log, file: path } = testLog;
  const start = (database: Database): VaultSession => {
    const follower = new LogFollower({ path, database, loadLanguageOf: async () => () => language, logger });
    log.onWritten(() => follower.wake());
    const eraser = new Eraser({ path, database, isShared, log, follower, logger });
    eraser.open();
    const close = async (): Promise<void> => {
      eraser.close();
      await follower.close();
    };
    onTestFinished(close);
    return { follower, eraser, close };
  };
  const first = awayDatabase(database);
  return {
    ...testLog,
    ...start(first),
    database,
    first,
    warnings,
    rows: () =>
      database.run(async db =>
        (await db.selectFrom('exchanges').select('id').orderBy('id').execute()).map(({ id }) => id),
      ),
    start: (other = database) => start(other),
  };
}
