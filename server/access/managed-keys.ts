// Keys as their admin manages them, on the command line and by its routes: every change is audited, and none leaves the
// gateway without an admin by mistake. Knows no request.
import type { AuditEvent, AuditEventName } from '../domain/audit.js';
import { AppError } from '../errors.js';
import {
  createKey,
  type IssuedKey,
  type KeyDraft,
  type KeyUpdate,
  revokeKey,
  rotateKey,
  updateKey,
} from './key-changes.js';
import { type StoredKey, stateOf } from './keys.js';

/** Who changes keys, as the audit has it. */
export type Author = Pick<AuditEvent, 'actor' | 'address' | 'requestId'>;

/** Each method throws as its namesake in key-changes.ts does, and audits what it has done. */
export interface ManagedKeys {
  /** @throws AppError invalid_request (`param`: role) when there would be keys and no admin among them */
  create(draft: KeyDraft, author: Author): Promise<IssuedKey>;
  update(idOrName: string, update: KeyUpdate, author: Author): Promise<StoredKey>;
  rotate(idOrName: string, graceMs: number, author: Author): Promise<IssuedKey>;
  /** @throws AppError last_admin_key unless that is forced */
  revoke(idOrName: string, isForced: boolean, author: Author): Promise<StoredKey>;
}

export interface ManagedKeysOptions {
  /** Of the keys. */
  readonly file: string;
  /** There is an API_KEY, whose holder is an admin. */
  readonly hasApiKey: boolean;
  readonly audit: (event: AuditEvent) => Promise<void>;
  /** Called after each change, before it is audited. */
  readonly onChange?: () => Promise<void>;
}

type Details = AuditEvent['details'];

export function createManagedKeys(options: ManagedKeysOptions): ManagedKeys {
  const { file, hasApiKey, audit, onChange = async () => {} } = options;
  const tell = async (
    event: AuditEventName,
    target: string,
    author: Author,
    details: Details,
  ): Promise<void> => {
    await onChange();
    await audit({ event, target, ...author, details });
  };
  return {
    create: async (draft, author) => {
      const issued = await createKey(file, draft, keys => {
        if (draft.role !== 'admin' && !hasApiKey && !hasActiveAdmin(keys)) throw noAdminYet();
      });
      const { key } = issued;
      const { id, prefix } = { id: key.id, prefix: key.secret.prefix };
      await tell('key.created', key.name, author, { id, prefix, role: key.role, ...settingsOf(key) });
      return issued;
    },
    update: async (idOrName, update, author) => {
      let before = null as StoredKey | null;
      const key = await updateKey(file, idOrName, update, (_, old) => {
        before = old;
      });
      await tell('key.updated', key.name, author, { id: key.id, ...changesOf(before ?? key, key) });
      return key;
    },
    rotate: async (idOrName, graceMs, author) => {
      let before = null as StoredKey | null;
      const issued = await rotateKey(file, idOrName, graceMs, (_, old) => {
        before = old;
      });
      const { id, name, secret, former } = issued.key;
      const details = { id, prefix: secret.prefix, former_prefix: before?.secret.prefix };
      await tell('key.rotated', name, author, { ...details, former_until: former[0]?.until ?? null });
      return issued;
    },
    revoke: async (idOrName, isForced, author) => {
      let isNew = true;
      const key = await revokeKey(file, idOrName, (keys, old) => {
        isNew = old.revokedAt === null;
        const others = keys.filter(({ id }) => id !== old.id);
        const isLastAdmin = isActiveAdmin(old) && !hasActiveAdmin(others);
        if (isLastAdmin && !hasApiKey && !isForced) throw lastAdmin(old);
      });
      if (isNew) {
        const details = { id: key.id, prefix: key.secret.prefix, ...(isForced ? { forced: true } : {}) };
        await tell('key.revoked', key.name, author, details);
      }
      return key;
    },
  };
}

function isActiveAdmin(key: StoredKey): boolean {
  return key.role === 'admin' && stateOf(key, Date.now()) === 'active';
}

function hasActiveAdmin(keys: readonly StoredKey[]): boolean {
  return keys.some(isActiveAdmin);
}

function noAdminYet(): AppError {
  return new AppError(
    'invalid_request',
    'There is no admin’s key and no API_KEY, and with this key alone nobody could manage the gateway: make one of the role "admin" first (npm run keys -- create root --role admin).',
    { param: 'role' },
  );
}

function lastAdmin({ name }: StoredKey): AppError {
  return new AppError(
    'last_admin_key',
    `"${name}" is the last active admin’s key, and there is no API_KEY: make another one first, or force this (--force).`,
    { param: 'force' },
  );
}

function settingsOf({ scopes, expiresAt, limits }: StoredKey) {
  return {
    scopes,
    expires_at: expiresAt,
    requests_per_minute: limits.requestsPerMinute,
    concurrency: limits.concurrency,
    tokens_per_day: limits.tokensPerDay,
  };
}

/** What is different, from what to what. */
function changesOf(before: StoredKey, after: StoredKey): Details {
  const now: Details = settingsOf(after);
  return Object.fromEntries(
    Object.entries(settingsOf(before)).flatMap(([name, from]) =>
      JSON.stringify(from) === JSON.stringify(now[name]) ? [] : [[name, { from, to: now[name] }]],
    ),
  );
}
