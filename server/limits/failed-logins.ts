// Wrong keys by address: who tries many is not heard for a while. In the memory of this gateway only, so that no good
// key ever waits for Redis.
import { AppError } from '../errors.js';
import { MemoryWindows } from './memory-windows.js';
import type { Allowance } from './sliding-window.js';

const MAX_KNOWN = 10_000;

export class FailedLogins {
  /** Null where wrong keys are not counted. */
  readonly #allowance: Allowance | null;
  readonly #failures: MemoryWindows;
  /** Addresses together with the callers who have come from them, the latest last. */
  readonly #known = new Set<string>();

  constructor(allowance: Allowance | null, failures = new MemoryWindows()) {
    this.#allowance = allowance;
    this.#failures = failures;
  }

  /**
   * To be called with each key that was given and wrong, before it is refused.
   * @throws AppError rate_limited once there were too many from there
   */
  fail(address: string): void {
    if (this.#allowance === null) return;
    const { isAdmitted, resetMs } = this.#failures.take(address, this.#allowance);
    if (!isAdmitted) throw tooMany(resetMs);
  }

  /**
   * To be called with each key that was right. Where too many were wrong, one that has not come from there before is
   * refused as a wrong one would be: a guess must not learn that it was right. Others behind the same address go on.
   * @throws AppError rate_limited
   */
  succeed(address: string, share: string): void {
    if (this.#allowance === null) return;
    const pair = `${address} ${share}`;
    if (this.#known.has(pair)) return;
    const { isAdmitted, resetMs } = this.#failures.look(address, this.#allowance);
    if (!isAdmitted) throw tooMany(resetMs);
    this.#known.add(pair);
    if (this.#known.size > MAX_KNOWN) {
      for (const oldest of this.#known) {
        this.#known.delete(oldest);
        break;
      }
    }
  }
}

function tooMany(resetMs: number): AppError {
  return new AppError(
    'rate_limited',
    'Too many wrong keys came from this address; wait, then send the right one.',
    {
      retryAfterMs: Math.ceil(resetMs) + 1,
    },
  );
}
