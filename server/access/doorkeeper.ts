// Who is let in: API_KEY, stored keys and tokens of another issuer, made from the configuration. Knows no request.
import { timingSafeEqual } from 'node:crypto';
import { type Config, ConfigError } from '../config.js';
import type { Caller } from '../domain/caller.js';
import type { Logger } from '../log.js';
import { bindFaults } from '../settings/listening.js';
import { API_KEY_CALLER, callerOfKey } from './callers.js';
import { keyFileOf } from './key-file.js';
import { KeyFileError } from './key-file-format.js';
import { type KeyRing, openKeyRing } from './key-ring.js';
import { digestOf, stateOf } from './keys.js';
import { openTokenKeys } from './token-keys.js';
import { createVerifyToken, type VerifyToken } from './tokens.js';

export interface Doorkeeper {
  /** Stored keys; changed by key-changes.ts, and told to reload() by whoever does that here. */
  readonly keys: KeyRing;
  /** Whether requests need a credential. Once they do, they do until the gateway is started anew. */
  isLocked(): boolean;
  /** Whether tokens of another issuer are credentials. */
  readonly takesTokens: boolean;
  /**
   * Whose credentials these are: one that is good will do. Null when none is; that takes as long for none as for a wrong one.
   * @throws AppError token_issuer_unavailable when only a token is left that cannot be verified now
   */
  identify(credentials: readonly string[]): Promise<Caller | null>;
  close(): void;
}

/**
 * @throws ConfigError for a file of keys that cannot be used, and for a gateway that others could reach and nobody needs
 * a key for
 */
export function createDoorkeeper(config: Config, logger: Logger): Doorkeeper {
  const { API_KEY } = config;
  const keys = openKeys(config, logger);
  try {
    const verifyToken = openTokens(config, logger);
    const hasActiveKey = keys.all().some(key => stateOf(key, Date.now()) === 'active');
    const isOpened = API_KEY !== null || verifyToken !== null || hasActiveKey;
    const faults = bindFaults(config, verifyToken !== null || hasActiveKey);
    if (faults.length > 0) throw new ConfigError(faults);
    if (keys.isLocked && !isOpened) {
      logger.warn(
        'No key is active, so every request is refused: npm run keys -- create NAME --role admin makes one.',
      );
    }
    const apiKeyDigest = API_KEY === null ? null : digestOf(API_KEY);
    return {
      keys,
      isLocked: () => API_KEY !== null || verifyToken !== null || keys.isLocked,
      takesTokens: verifyToken !== null,
      identify: async credentials => {
        let caller: Caller | null = null;
        // Without early end, and once for nothing: neither place nor absence shows in the time this takes.
        for (const given of credentials.length === 0 ? [''] : credentials) {
          const stored = keys.find(given);
          const isApiKey =
            timingSafeEqual(digestOf(given), apiKeyDigest ?? NO_DIGEST) && apiKeyDigest !== null;
          if (isApiKey) caller ??= API_KEY_CALLER;
          else if (stored !== null) caller ??= callerOfKey(stored);
        }
        return caller ?? (await firstToken(credentials, verifyToken));
      },
      close: () => keys.close(),
    };
  } catch (error) {
    keys.close();
    throw error;
  }
}

const NO_DIGEST = Buffer.alloc(digestOf('').length);

async function firstToken(
  credentials: readonly string[],
  verifyToken: VerifyToken | null,
): Promise<Caller | null> {
  if (verifyToken === null) return null;
  for (const given of credentials) {
    const caller = await verifyToken(given);
    if (caller !== null) return caller;
  }
  return null;
}

function openKeys(config: Config, logger: Logger): KeyRing {
  try {
    return openKeyRing({ file: keyFileOf(config), logger });
  } catch (error) {
    throw error instanceof KeyFileError ? new ConfigError([error.message]) : error;
  }
}

function openTokens(config: Config, logger: Logger): VerifyToken | null {
  const { MINIVAULT_JWKS_URL, MINIVAULT_JWT_ISSUER, MINIVAULT_JWT_AUDIENCE } = config;
  if (MINIVAULT_JWKS_URL === null || MINIVAULT_JWT_ISSUER === null || MINIVAULT_JWT_AUDIENCE === null) {
    return null;
  }
  return createVerifyToken({
    keys: openTokenKeys(MINIVAULT_JWKS_URL, logger),
    issuer: MINIVAULT_JWT_ISSUER,
    audience: MINIVAULT_JWT_AUDIENCE,
    roleClaim: config.MINIVAULT_JWT_ROLE_CLAIM,
  });
}
