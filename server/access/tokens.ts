// Tokens of another issuer (JWT, RFC 7519): whether one is good here, and who stands behind it.
import { errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import type { Caller } from '../domain/caller.js';
import { callerOfToken } from './callers.js';

/** Signatures only: a secret that is shared would be at home with the issuer and here. */
const ALGORITHMS = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];
/** Clocks of two machines differ by less. */
const CLOCK_TOLERANCE_S = 30;
const TOKEN = /^[\w-]+\.[\w-]+\.[\w-]+$/;
const SUBJECT = /^[^\p{Cc}\p{Cs}]{1,128}$/u;

export interface TokenOptions {
  readonly keys: JWTVerifyGetKey;
  readonly issuer: string;
  readonly audience: string;
  /** The claim that makes an admin, by being or holding `admin`; null: no token does. */
  readonly roleClaim: string | null;
}

export type VerifyToken = (credential: string) => Promise<Caller | null>;

/** @returns what tells whose token this is, null for none that is good; it throws AppError token_issuer_unavailable. */
export function createVerifyToken({ keys, issuer, audience, roleClaim }: TokenOptions): VerifyToken {
  return async credential => {
    if (!TOKEN.test(credential)) return null;
    let claims: JWTPayload;
    try {
      const { payload } = await jwtVerify(credential, keys, {
        algorithms: ALGORITHMS,
        issuer,
        audience,
        clockTolerance: CLOCK_TOLERANCE_S,
        requiredClaims: ['sub', 'exp'],
      });
      claims = payload;
    } catch (error) {
      if (error instanceof errors.JOSEError) return null;
      throw error;
    }
    const { sub = '', scope } = claims;
    if (!SUBJECT.test(sub)) return null;
    const isAdmin = roleClaim !== null && isOrHolds(claimOf(claims, roleClaim), 'admin');
    const scopes = typeof scope === 'string' ? scope.split(' ') : [];
    return callerOfToken(sub, isAdmin ? 'admin' : 'user', scopes);
  };
}

/** By its name, which may have dots in it, or by its path: `realm_access.roles`. */
function claimOf(claims: JWTPayload, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  return name.split('.').reduce<unknown>((value, part) => {
    const isObject = typeof value === 'object' && value !== null && Object.hasOwn(value, part);
    return isObject ? (value as Record<string, unknown>)[part] : undefined;
  }, claims);
}

function isOrHolds(value: unknown, wanted: string): boolean {
  return value === wanted || (Array.isArray(value) && value.includes(wanted));
}
