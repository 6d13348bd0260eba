// What a stored key is: its secret, how that is recognised, and when it is good. Pure; knows no file and no clock.
// How to use the rest: key-changes.ts makes, revokes, rotates and updates keys in their file, for the command line and
// for admin routes; key-ring.ts is what a running gateway knows of that file; key-file.ts reads and writes it.
import { createHash, randomBytes } from 'node:crypto';
import type { CallerLimits, Role, Scope } from '../domain/caller.js';

export const ROLES = ['user', 'admin'] as const satisfies readonly Role[];
export const SCOPES = [
  'generate',
  'embed',
  'history',
  'documents:read',
  'documents:write',
  'metrics',
  'admin',
] as const satisfies readonly Scope[];
/** What a user's key is good for unless told otherwise. */
export const USUAL_SCOPES = [
  'generate',
  'embed',
  'history',
  'documents:read',
  'documents:write',
] as const satisfies readonly Scope[];
export const NO_LIMITS: CallerLimits = { requestsPerMinute: null, concurrency: null, tokensPerDay: null };

/** Shown in lists: enough to tell which key it is, far from enough to use it. */
const PREFIX_LENGTH = 10;
const SECRET_BYTES = 32;

/** A secret as it is kept: its digest. */
export interface KeptSecret {
  /** In hex. */
  readonly sha256: string;
  /** The secret's first characters, `mv_` included. */
  readonly prefix: string;
}

/** What a rotated key had before; good until its grace ends. */
export interface FormerSecret extends KeptSecret {
  readonly until: string;
}

/** Times are ISO 8601 in UTC. */
export interface StoredKey {
  /** UUIDv7. */
  readonly id: string;
  /** Unique among all keys ever made, whatever its case: histories go by it. */
  readonly name: string;
  readonly secret: KeptSecret;
  /** Latest first. */
  readonly former: readonly FormerSecret[];
  readonly role: Role;
  /** Of an admin all, whatever stands here. */
  readonly scopes: readonly Scope[];
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly revokedAt: string | null;
  readonly limits: CallerLimits;
}

export type KeyState = 'active' | 'expired' | 'revoked';

export function stateOf({ revokedAt, expiresAt }: StoredKey, nowMs: number): KeyState {
  if (revokedAt !== null) return 'revoked';
  return expiresAt !== null && hasPassed(expiresAt, nowMs) ? 'expired' : 'active';
}

export function hasPassed(time: string, nowMs: number): boolean {
  return Date.parse(time) <= nowMs;
}

/** A secret for its owner, who sees it this once, and what is kept of it. */
export function makeSecret(): { readonly secret: string; readonly kept: KeptSecret } {
  const secret = `mv_${randomBytes(SECRET_BYTES).toString('base64url')}`;
  return {
    secret,
    kept: { sha256: digestOf(secret).toString('hex'), prefix: secret.slice(0, PREFIX_LENGTH) },
  };
}

/** Of one length whatever the secret's. Ours are drawn at random, so that no slow hash need guard them. */
export function digestOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
