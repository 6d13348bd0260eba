// Makes, revokes, rotates and updates keys, in their file. Knows no request and writes no audit: whoever calls this does.
// A running gateway sees a change within a second, at once when it calls reload() of its key ring.
import { v7 as uuidv7 } from 'uuid';
import type { CallerLimits, Role, Scope } from '../domain/caller.js';
import { AppError } from '../errors.js';
import { changeKeyFile } from './key-file.js';
import { keyNameSchema } from './key-file-format.js';
import { hasPassed, makeSecret, NO_LIMITS, type StoredKey, USUAL_SCOPES } from './keys.js';

export interface KeyDraft {
  readonly name: string;
  /** Default: user. */
  readonly role?: Role;
  /** Default: the usual ones. An admin has all anyway. */
  readonly scopes?: readonly Scope[];
  /** Default: never. */
  readonly expiresAt?: Date | null;
  /** Default: none of its own. */
  readonly limits?: Partial<CallerLimits>;
}

/** What is left out stays as it is. */
export type KeyUpdate = Pick<KeyDraft, 'scopes' | 'expiresAt' | 'limits'>;

/** May refuse a change by throwing, once nobody else can change the keys. @param key as it is before, if there is one */
export type Check<Key = undefined> = (keys: readonly StoredKey[], key: Key) => void;

const allowed: Check<unknown> = () => {};

/** The secret is nowhere else, and never again. */
export interface IssuedKey {
  readonly key: StoredKey;
  readonly secret: string;
}

/** @throws AppError invalid_request (`param`: name, scopes or expires_at), key_name_taken; else as changeKeyFile */
export async function createKey(file: string, draft: KeyDraft, check: Check = allowed): Promise<IssuedKey> {
  const { name, role = 'user', scopes = USUAL_SCOPES, expiresAt = null, limits = {} } = draft;
  requireName(name);
  requireScopes(role, scopes);
  requireFuture(expiresAt);
  return changeKeyFile(file, keys => {
    if (keys.some(key => key.name.toLowerCase() === name.toLowerCase())) {
      throw new AppError('key_name_taken', `There is or was a key "${name}"; take another name.`, {
        param: 'name',
      });
    }
    check(keys, undefined);
    const { secret, kept } = makeSecret();
    const key: StoredKey = {
      id: uuidv7(),
      name,
      secret: kept,
      former: [],
      role,
      scopes: [...new Set(scopes)],
      createdAt: new Date().toISOString(),
      expiresAt: expiresAt?.toISOString() ?? null,
      revokedAt: null,
      limits: { ...NO_LIMITS, ...limits },
    };
    return { keys: [...keys, key], result: { key, secret } };
  });
}

/**
 * Ends a key for ever, its former secrets, too; one that is revoked already stays as it is.
 * @param idOrName throughout this file: a key's id, or its name in any case
 * @throws AppError key_not_found; else as changeKeyFile
 */
export async function revokeKey(
  file: string,
  idOrName: string,
  check: Check<StoredKey> = allowed,
): Promise<StoredKey> {
  return replaceKey(file, idOrName, (key, keys) => {
    check(keys, key);
    const revoked = { ...key, former: [], revokedAt: key.revokedAt ?? new Date().toISOString() };
    return { key: revoked, result: revoked };
  });
}

/**
 * Gives a key a new secret; the one it had goes on for `graceMs`.
 * @throws AppError key_not_found, key_revoked; else as changeKeyFile
 */
export async function rotateKey(
  file: string,
  idOrName: string,
  graceMs: number,
  check: Check<StoredKey> = allowed,
): Promise<IssuedKey> {
  return replaceKey(file, idOrName, (key, keys) => {
    check(keys, key);
    requireUnrevoked(key);
    const nowMs = Date.now();
    const { secret, kept } = makeSecret();
    const until = new Date(nowMs + graceMs).toISOString();
    const former = [{ ...key.secret, until }, ...key.former].filter(past => !hasPassed(past.until, nowMs));
    const rotated = { ...key, secret: kept, former };
    return { key: rotated, result: { key: rotated, secret } };
  });
}

/** @throws AppError key_not_found, key_revoked, invalid_request (`param`: scopes or expires_at); else as changeKeyFile */
export async function updateKey(
  file: string,
  idOrName: string,
  update: KeyUpdate,
  check: Check<StoredKey> = allowed,
): Promise<StoredKey> {
  return replaceKey(file, idOrName, (key, keys) => {
    check(keys, key);
    requireUnrevoked(key);
    const { scopes = key.scopes, expiresAt, limits = {} } = update;
    requireScopes(key.role, scopes);
    if (expiresAt !== undefined) requireFuture(expiresAt);
    const updated = {
      ...key,
      scopes: [...new Set(scopes)],
      expiresAt: expiresAt === undefined ? key.expiresAt : (expiresAt?.toISOString() ?? null),
      limits: { ...key.limits, ...limits },
    };
    return { key: updated, result: updated };
  });
}

/** @throws AppError key_not_found */
export function findKey(keys: readonly StoredKey[], idOrName: string): StoredKey {
  const wanted = idOrName.toLowerCase();
  const found = keys.find(({ id, name }) => id === wanted || name.toLowerCase() === wanted);
  if (found === undefined)
    throw new AppError('key_not_found', `There is no key ${JSON.stringify(idOrName)}.`);
  return found;
}

async function replaceKey<T>(
  file: string,
  idOrName: string,
  change: (key: StoredKey, keys: readonly StoredKey[]) => { readonly key: StoredKey; readonly result: T },
): Promise<T> {
  return changeKeyFile(file, keys => {
    const old = findKey(keys, idOrName);
    const { key, result } = change(old, keys);
    return { keys: keys.map(each => (each === old ? key : each)), result };
  });
}

function requireName(name: string): void {
  const fault = keyNameSchema.safeParse(name).error?.issues[0]?.message;
  if (fault !== undefined) throw new AppError('invalid_request', `A name is ${fault}.`, { param: 'name' });
}

/** What only the role can do would be had by its scope otherwise. */
function requireScopes(role: Role, scopes: readonly Scope[]): void {
  if (role === 'user' && scopes.includes('admin')) {
    throw new AppError('invalid_request', 'Only keys of the role "admin" have the scope "admin".', {
      param: 'scopes',
    });
  }
}

function requireFuture(time: Date | null): void {
  if (time !== null && time.getTime() <= Date.now()) {
    throw new AppError('invalid_request', 'The end of a key must lie ahead.', { param: 'expires_at' });
  }
}

function requireUnrevoked({ name, revokedAt }: StoredKey): void {
  if (revokedAt === null) return;
  throw new AppError('key_revoked', `The key "${name}" was revoked, which is for ever: make a new one.`);
}
