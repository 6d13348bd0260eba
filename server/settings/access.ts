// Who may ask: keys, and tokens of other issuers.
import path from 'node:path';
import { z } from 'zod';
import { file, type Setting } from './setting.js';

/** Neither credentials nor a query: both would show in messages. */
const KEYS_URL = /^https?:\/\/[^\s/?#@]+(?:\/[^\s?#@]*)?$/;

const words = (max: number) =>
  z.string().regex(new RegExp(`^[\\x21-\\x7e]{1,${max}}$`), 'text without blanks');

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
  MINIVAULT_JWKS_URL: {
    schema: z
      .string()
      .regex(/^(?!https?:)./, 'http(s)://host/path without credentials and query, or a path')
      .pipe(file())
      .or(z.string().regex(KEYS_URL)),
    fallback: null,
    about:
      'Public keys (a JWKS, by URL or as a file) of who issues tokens: JWTs that these keys have signed are taken as API keys.',
  },
  MINIVAULT_JWT_ISSUER: {
    schema: words(512),
    fallback: null,
    about: 'Issuer (`iss`) that tokens must name; goes with `MINIVAULT_JWKS_URL`.',
  },
  MINIVAULT_JWT_AUDIENCE: {
    schema: words(512),
    fallback: null,
    about: 'Audience (`aud`) that tokens must name; goes with `MINIVAULT_JWKS_URL`.',
  },
  MINIVAULT_JWT_ROLE_CLAIM: {
    schema: words(128),
    fallback: null,
    about:
      'Claim that makes the bearer of a token an admin when it is, or holds, `admin`: a name, or a path such as `realm_access.roles`. Unset, none is.',
  },
} as const satisfies Record<string, Setting>;

/** A token of anybody, or for anybody, is none. */
export function tokenFaults(config: {
  readonly MINIVAULT_JWKS_URL: string | null;
  readonly MINIVAULT_JWT_ISSUER: string | null;
  readonly MINIVAULT_JWT_AUDIENCE: string | null;
  readonly MINIVAULT_JWT_ROLE_CLAIM: string | null;
}): string[] {
  const { MINIVAULT_JWKS_URL, MINIVAULT_JWT_ISSUER, MINIVAULT_JWT_AUDIENCE, MINIVAULT_JWT_ROLE_CLAIM } =
    config;
  const whose = Object.entries({ MINIVAULT_JWT_ISSUER, MINIVAULT_JWT_AUDIENCE });
  if (MINIVAULT_JWKS_URL === null) {
    return [...whose, ['MINIVAULT_JWT_ROLE_CLAIM', MINIVAULT_JWT_ROLE_CLAIM] as const]
      .filter(([, value]) => value !== null)
      .map(([name]) => `${name} needs MINIVAULT_JWKS_URL`);
  }
  return whose.filter(([, value]) => value === null).map(([name]) => `MINIVAULT_JWKS_URL needs ${name}`);
}

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
