// The tokens of a day in a file, so that a restart forgives nobody. Knows not how they are counted.
import { readFileSync } from 'node:fs';
import { mkdir, open, rename } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { Logger } from '../log.js';

const WARNING_INTERVAL_MS = 60_000;

const tokens = z.record(z.string(), z.number().int().nonnegative());
const schema = z.strictObject({
  /** YYYY-MM-DD in UTC. */
  day: z.string(),
  /** For each caller all that is known of. */
  total: tokens,
  /** What gateways on this file have counted and Redis has not acknowledged, under the name of each one's counter. */
  untold: z.record(z.string(), tokens),
});

export type UsageRecord = z.infer<typeof schema>;

export class UsageFile {
  readonly #path: string;
  readonly #logger: Logger;
  #warnedAtMs = Number.NEGATIVE_INFINITY;

  constructor(file: string, logger: Logger) {
    this.#path = file;
    this.#logger = logger;
  }

  /** Null when there is none, or none that can be read, which is told and is no reason not to start. */
  read(): UsageRecord | null {
    try {
      return schema.parse(JSON.parse(readFileSync(this.#path, 'utf8')));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      this.#logger.warn('The tokens of today could not be read: they are counted from zero.', {
        file: this.#path,
        error: error instanceof z.ZodError ? z.prettifyError(error) : String(error),
      });
      return null;
    }
  }

  /** The whole record or the one before it. A disk that takes nothing is told of once a minute; false then. */
  async write(record: UsageRecord): Promise<boolean> {
    const draft = `${this.#path}.${process.pid}.new`;
    try {
      await mkdir(path.dirname(this.#path), { recursive: true });
      const file = await open(draft, 'w', 0o600);
      try {
        await file.writeFile(`${JSON.stringify(record)}\n`);
        await file.datasync();
      } finally {
        await file.close();
      }
      await rename(draft, this.#path);
      return true;
    } catch (error) {
      const nowMs = performance.now();
      if (nowMs - this.#warnedAtMs >= WARNING_INTERVAL_MS) {
        this.#warnedAtMs = nowMs;
        this.#logger.warn('The tokens of today could not be written: a restart would forget them.', {
          file: this.#path,
          error: String(error),
        });
      }
      return false;
    }
  }
}
