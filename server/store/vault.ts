// The database and what keeps it equal to the log. Opened after the log and closed after it.
import type { Logger } from '../log.js';
import type { Database } from './database.js';
import { Eraser } from './eraser.js';
import { createLanguageOf } from './exchange-language.js';
import type { ExchangeLog } from './exchange-log.js';
import { LogFollower, type LogFollowerStatus } from './log-follower.js';
import { openDatabase } from './open-database.js';
import { Retention, type RetentionOptions } from './retention.js';
import { switchedOff } from './switched-off.js';

export interface VaultOptions {
  readonly isOn: boolean;
  /** A PostgreSQL; null for the embedded one. */
  readonly url: string | null;
  /** Of the embedded one. */
  readonly folder: string;
  /** Of exchanges whose own is not sure. */
  readonly language: string;
  /** How long and how much is kept; null: for ever, any size. */
  readonly retention: Pick<RetentionOptions, 'maxDays' | 'maxBytes'>;
  readonly logPath: string;
  readonly log: Pick<ExchangeLog, 'onWritten' | 'exclusively'>;
  readonly logger: Logger;
}

export interface Vault {
  readonly database: Database;
  /**
   * Resolves with true when every exchange that is in the log now has its row: some milliseconds after it was answered.
   * With false after 1 s, and at once while the database is away.
   */
  caughtUp(): Promise<boolean>;
  /**
   * Erases the exchanges with these ids, which are UUIDs, from log and database.
   * @throws AppError `storage_unavailable` when one of them does not take it, `exchange_elsewhere` when one is in the log
   * of another gateway that shares the database: then nothing has changed.
   */
  erase(ids: readonly string[]): Promise<void>;
  status(): LogFollowerStatus;
  /** Bytes of the log, and of those the ones that have no rows yet. */
  measure(): Promise<{ bytes: number; unreadBytes: number }>;
  /** Catches up, for at most 2 s, and closes the database; the log must be closed already. */
  close(): Promise<void>;
}

/**
 * The database is `opening` when it returns.
 * @throws HeldError when another process has the embedded database's folder.
 */
export function openVault(options: VaultOptions): Vault {
  const { isOn, url, folder, retention: limits, logPath: path, log, logger } = options;
  if (!isOn) return emptyVault('The vault is switched off by MINIVAULT_VAULT=off.');
  const database = openDatabase({ url, folder, logger });
  // Loading the detector takes time that the start has not.
  const loadLanguageOf = () => createLanguageOf(options.language, logger);
  const follower = new LogFollower({ path, database, loadLanguageOf, logger });
  log.onWritten(() => follower.wake());
  const eraser = new Eraser({ path, database, isShared: url !== null, log, follower, logger });
  eraser.open();
  const retention = new Retention({ ...limits, path, database, eraser, logger });
  return {
    database,
    caughtUp: () => follower.caughtUp(),
    erase: ids => eraser.erase(ids),
    status: () => follower.status(),
    measure: () => follower.measure(),
    close: async () => {
      await retention.close();
      eraser.close();
      await follower.close();
      await database.close();
    },
  };
}

function emptyVault(fault: string): Vault {
  const nothing: LogFollowerStatus = { indexed: 0, lastIndexedAt: null, damaged: 0, fault: null };
  const database = switchedOff(fault);
  return {
    database,
    caughtUp: async () => false,
    erase: () => database.run(async () => {}),
    status: () => nothing,
    measure: async () => ({ bytes: 0, unreadBytes: 0 }),
    close: async () => {},
  };
}
