// The settings as a gateway would read them, where it is built; else the few that set-up itself knows.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { dataFolder } from './data-folder.mjs';
import { venvPython } from './python.mjs';

/**
 * @typedef {object} Settings
 * @property {Readonly<Record<string, unknown>>} values by their environment names; secrets are among them
 * @property {readonly string[] | null} faults what is wrong, without secrets; null when it could not be asked
 * @property {readonly string[]} unknown what looks like a setting and is none
 */

/**
 * @param {string} root
 * @returns {Promise<Settings>}
 */
export async function readSettings(root) {
  const { env } = process;
  const fallback = {
    HOST: env.HOST ?? '127.0.0.1',
    PORT: Number(env.PORT ?? 3000),
    API_KEY: env.API_KEY ?? null,
    DATABASE_URL: env.DATABASE_URL ?? null,
    REDIS_URL: env.REDIS_URL ?? null,
    MINIVAULT_DATA_DIR: dataFolder(root),
    MINIVAULT_LOG_FILE: path.resolve(root, env.MINIVAULT_LOG_FILE ?? 'logs/log.jsonl'),
    MINIVAULT_PYTHON: env.MINIVAULT_PYTHON ?? venvPython(path.join(root, '.venv')),
    MINIVAULT_VAULT: env.MINIVAULT_VAULT ?? 'on',
    MINIVAULT_KEYS_FILE: env.MINIVAULT_KEYS_FILE ?? null,
    MINIVAULT_MODEL: env.MINIVAULT_MODEL ?? 'smollm2-135m-instruct',
    MINIVAULT_ENGINE: env.MINIVAULT_ENGINE ?? 'batched',
    MINIVAULT_BACKEND: env.MINIVAULT_BACKEND ?? 'local',
    MINIVAULT_WORKER_MAX_RSS_BYTES: env.MINIVAULT_WORKER_MAX_RSS_BYTES ?? null,
  };
  const built = (/** @type {string} */ file) => path.join(root, 'dist', file);
  if (!existsSync(built('config.js'))) return { values: fallback, faults: null, unknown: [] };
  try {
    const { readConfig } = await import(pathToFileURL(built('config.js')).href);
    const { unknownSettings } = await import(pathToFileURL(built('unknown-settings.js')).href);
    const unknown = unknownSettings(env);
    try {
      return { values: readConfig(), faults: [], unknown };
    } catch (error) {
      const faults = /** @type {{faults?: readonly string[]}} */ (error).faults ?? [String(error)];
      return { values: fallback, faults, unknown };
    }
  } catch {
    // Its packages are not there; install-findings.mjs says so.
    return { values: fallback, faults: null, unknown: [] };
  }
}
