// What an admin has beside the rest: keys to manage, and the audit. Built here, for the routes and as a part of Parts.
import type { KeyRing } from './access/key-ring.js';
import { createManagedKeys, type ManagedKeys } from './access/managed-keys.js';
import { Refusals } from './access/refusals.js';
import type { Config } from './config.js';
import type { Logger } from './log.js';
import { auditFileOf } from './settings/access.js';
import { type AuditLog, openAuditLog } from './store/audit-log.js';

export interface Admin {
  readonly keys: KeyRing;
  readonly managedKeys: ManagedKeys;
  readonly refusals: Refusals;
  readonly audit: AuditLog;
  readonly auditFile: string;
  /** Tells the audit what is counted and not told yet, and closes it. */
  close(): Promise<void>;
}

/** @throws ConfigError when no audit can ever be written */
export async function createAdmin(config: Config, keys: KeyRing, logger: Logger): Promise<Admin> {
  const auditFile = auditFileOf(config);
  const maxBytes = config.MINIVAULT_LOG_MAX_BYTES;
  const audit = await openAuditLog({ path: auditFile, maxBytes, logger });
  const refusals = new Refusals(event => void audit.append(event));
  return {
    keys,
    managedKeys: createManagedKeys({
      file: keys.file,
      hasApiKey: config.API_KEY !== null,
      audit: event => audit.append(event),
      onChange: () => keys.reload(),
    }),
    refusals,
    audit,
    auditFile,
    close: async () => {
      refusals.close();
      await audit.close();
    },
  };
}
