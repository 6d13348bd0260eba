// The public keys of the issuer of tokens (a JWKS), from its server or from a file. Knows no token's claims.
import { readFileSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  errors,
  type JSONWebKeySet,
  type JWTVerifyGetKey,
} from 'jose';
import { ConfigError } from '../config.js';
import { AppError } from '../errors.js';
import type { Logger } from '../log.js';

const FETCH_TIMEOUT_MS = 5_000;
/** After a failure nobody is asked for so long: tokens that anybody may send must not be a way to flood the issuer. */
const RETRY_AFTER_MS = 2_000;
const LOOK_INTERVAL_MS = 1_000;

/** @throws ConfigError for a file that cannot be used; a server need not answer yet. */
export function openTokenKeys(place: string, logger: Logger): JWTVerifyGetKey {
  return /^https?:/.test(place) ? keysOfServer(new URL(place), logger) : keysOfFile(place, logger);
}

/** Fetched when first needed, when a token names a key that is not known, and after 10 minutes. */
function keysOfServer(url: URL, logger: Logger): JWTVerifyGetKey {
  const server = createRemoteJWKSet(url, { timeoutDuration: FETCH_TIMEOUT_MS });
  let isAway = false;
  let awayUntilMs = 0;
  const away = (cause?: unknown): AppError =>
    new AppError(
      'token_issuer_unavailable',
      'Tokens cannot be verified now: their issuer gives no keys. Other API keys work.',
      { retryAfterMs: RETRY_AFTER_MS, cause },
    );
  return async (header, token) => {
    if (performance.now() < awayUntilMs) {
      const known = server.fresh ? server.jwks() : undefined;
      if (known === undefined) throw away();
      return createLocalJWKSet(known)(header, token).catch(error => {
        throw error instanceof errors.JWKSNoMatchingKey ? away(error) : error;
      });
    }
    try {
      const key = await server(header, token);
      isAway = false;
      return key;
    } catch (error) {
      if (isFaultOfToken(error)) throw error;
      awayUntilMs = performance.now() + RETRY_AFTER_MS;
      if (!isAway) {
        logger.warn(`No keys for tokens come from ${url.origin}${url.pathname}`, { error: String(error) });
      }
      isAway = true;
      throw away(error);
    }
  };
}

function isFaultOfToken(error: unknown): boolean {
  return (
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys ||
    error instanceof errors.JOSENotSupported
  );
}

/** Read at boot, and again when it has changed; a broken one leaves the keys as they were. */
function keysOfFile(file: string, logger: Logger): JWTVerifyGetKey {
  let keys: ReturnType<typeof createLocalJWKSet>;
  try {
    keys = parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new ConfigError([`MINIVAULT_JWKS_URL=${JSON.stringify(file)}: ${(error as Error).message}`]);
  }
  let seen: bigint | null = null;
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  const look = async (): Promise<void> => {
    if (performance.now() - lookedAtMs < LOOK_INTERVAL_MS) return;
    lookedAtMs = performance.now();
    try {
      const { mtimeNs } = await stat(file, { bigint: true });
      if (mtimeNs === seen) return;
      seen = mtimeNs;
      keys = parse(await readFile(file, 'utf8'));
    } catch (error) {
      logger.warn(`The keys for tokens in ${file} cannot be used; those read before stay in force`, {
        error: String(error),
      });
    }
  };
  return async (header, token) => {
    await look();
    return keys(header, token);
  };
}

/** @throws Error for what is no JSON or no set of keys */
function parse(text: string): ReturnType<typeof createLocalJWKSet> {
  return createLocalJWKSet(JSON.parse(text) as JSONWebKeySet);
}
