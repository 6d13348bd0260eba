// Who stands behind a credential, as the rest of the program knows them. Pure.
import type { Caller } from '../domain/caller.js';
import { NO_LIMITS, SCOPES, type StoredKey } from './keys.js';

const EVERY_SCOPE: Caller['scopes'] = new Set(SCOPES);

/** Whoever is at this machine while there are no keys. */
export function ownerAt(address: string): Caller {
  return { ...ADMIN, name: null, share: `address:${address}` };
}

/** Whoever asks what needs no key where all else needs one. */
export function visitorAt(address: string): Caller {
  return { ...ADMIN, name: null, role: 'user', scopes: new Set(), share: `address:${address}` };
}

const ADMIN: Caller = {
  name: 'api-key',
  keyId: null,
  role: 'admin',
  scopes: EVERY_SCOPE,
  limits: NO_LIMITS,
  share: 'api-key',
};

/** Whoever has API_KEY. */
export const API_KEY_CALLER: Caller = ADMIN;

export function callerOfKey({ id, name, role, scopes, limits }: StoredKey): Caller {
  return {
    name,
    keyId: id,
    role,
    scopes: role === 'admin' ? EVERY_SCOPE : new Set(scopes),
    limits,
    share: `key:${id}`,
  };
}

/** @param scopes as the token has them: those that we don't know, and `admin` in the hands of a user, are nothing */
export function callerOfToken(subject: string, role: Caller['role'], scopes: readonly string[]): Caller {
  const name = `jwt:${subject}`;
  const known = SCOPES.filter(scope => scope !== 'admin' && scopes.includes(scope));
  return {
    name,
    keyId: null,
    role,
    scopes: role === 'admin' ? EVERY_SCOPE : new Set(known),
    limits: NO_LIMITS,
    share: name,
  };
}
