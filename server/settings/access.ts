// Who may ask: keys, and tokens of other issuers.
import path from 'node:path';
import { file, type Setting } from './setting.js';

export const accessSettings = {
  MINIVAULT_KEYS_FILE: {
    schema: file(),
    fallback: null,
    about:
      'Where stored keys are kept, as digests; gateways may share it. Unset: `keys.json` in the data folder.',
  },
  MINIVAULT_AUDIT_FILE: {
    schema: file(),
    fallback: null,
    about:
      'Where every change of keys and every refusal is appended. Unset: `audit.jsonl` beside the log of exchanges.',
  },
} as const satisfies Record<string, Setting>;

interface AuditSettings {
  readonly MINIVAULT_AUDIT_FILE: string | null;
  readonly MINIVAULT_LOG_FILE: string;
}

/** Two writers of one file would rotate it under each other. */
export function auditFaults(config: AuditSettings): string[] {
  const { MINIVAULT_LOG_FILE: log } = config;
  if (auditFileOf(config) !== log) return [];
  return [
    `MINIVAULT_AUDIT_FILE=${JSON.stringify(log)}: is the file of MINIVAULT_LOG_FILE; name another one for either`,
  ];
}

/** Where the audit is: the setting, or audit.jsonl beside the log. */
export function auditFileOf(config: AuditSettings): string {
  return config.MINIVAULT_AUDIT_FILE ?? path.join(path.dirname(config.MINIVAULT_LOG_FILE), 'audit.jsonl');
}
