// The limits that the settings ask for.
import path from 'node:path';
import type { Config } from '../config.js';
import type { LimitRecorder } from '../domain/recorder.js';
import type { Logger } from '../log.js';
import { Limits } from './limits.js';

/** A Redis that is away is no reason not to start. */
export function openLimits(config: Config, logger: Logger, recorder: LimitRecorder): Limits {
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
    redis:
      config.REDIS_URL === null
        ? null
        : {
            url: config.REDIS_URL,
            prefix: config.MINIVAULT_REDIS_PREFIX,
            timeoutMs: config.MINIVAULT_REDIS_TIMEOUT_MS,
          },
    usageFile: path.join(config.MINIVAULT_DATA_DIR, 'usage.json'),
    logger,
    recorder,
  });
}
