// The limits that the settings ask for.
import path from 'node:path';
import type { Config } from '../config.js';
import type { LimitRecorder } from '../domain/recorder.js';
import type { Logger } from '../log.js';
import { Limits } from './limits.js';
import type { RedisLink } from './redis-link.js';

/** A Redis that is away is no reason not to start. */
export async function openLimits(config: Config, logger: Logger, recorder: LimitRecorder): Promise<Limits> {
  const isOn = config.RATE_LIMIT_ENABLED;
  return new Limits({
    requests: isOn
      ? {
          generation: config.RATE_LIMIT_REQUESTS,
          embedding: config.RATE_LIMIT_EMBEDDING_REQUESTS,
          other: config.RATE_LIMIT_OTHER_REQUESTS,
        }
      : null,
    windowMs: config.RATE_LIMIT_WINDOW_SECONDS * 1_000,
    failedLogins: isOn ? config.RATE_LIMIT_FAILED_LOGINS : null,
    link: await openLink(config, logger, recorder),
    usageFile: path.join(config.MINIVAULT_DATA_DIR, 'usage.json'),
    logger,
  });
}

/** Its client is loaded only where there is a Redis: that takes as long as a good part of all else. */
async function openLink(config: Config, logger: Logger, recorder: LimitRecorder): Promise<RedisLink | null> {
  const { REDIS_URL: url, MINIVAULT_REDIS_PREFIX: prefix, MINIVAULT_REDIS_TIMEOUT_MS: timeoutMs } = config;
  if (url === null) return null;
  const { RedisLink } = await import('./redis-link.js');
  return new RedisLink({ url, prefix, timeoutMs, logger, recorder });
}
