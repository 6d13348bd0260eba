// How much one caller may ask: requests in a window by class, requests at once, tokens a day, wrong keys. Knows neither
// HTTP nor what a request is for.
import type { Caller } from '../domain/caller.js';
import { AppError } from '../errors.js';
import type { Logger } from '../log.js';
import { Concurrency } from './concurrency.js';
import { FailedLogins } from './failed-logins.js';
import { MemoryWindows } from './memory-windows.js';
import type { RedisLink, RedisStatus } from './redis-link.js';
import { SharedWindows } from './shared-windows.js';
import type { Allowance, Verdict } from './sliding-window.js';
import { TokenLedger } from './token-ledger.js';
import { UsageFile } from './usage-file.js';

const MINUTE_MS = 60_000;

/** What a request costs the gateway: a generation, vectors, or little. */
export type RequestClass = 'generation' | 'embedding' | 'other';
export const REQUEST_CLASSES = [
  'generation',
  'embedding',
  'other',
] as const satisfies readonly RequestClass[];

/** Whose limits hold, and what they are. */
export type Asker = Pick<Caller, 'share' | 'limits'>;

export interface LimitsOptions {
  /** Requests in any window, by class; null where they are not counted. What a caller has of its own holds in any case. */
  readonly requests: Readonly<Record<RequestClass, number>> | null;
  readonly windowMs: number;
  readonly failedLogins: number | null;
  /** Where gateways count together; closed with the limits. Null where this one counts for itself. */
  readonly link: RedisLink | null;
  /** Where the tokens of the day are kept. */
  readonly usageFile: string;
  readonly logger: Logger;
}

export interface TokenUsage {
  readonly day: string;
  readonly spent: number;
  /** Null where there is no budget. */
  readonly budget: number | null;
  /** Until a new day begins. */
  readonly leftMs: number;
}

export interface CallerUsage {
  readonly tokens: TokenUsage;
  readonly concurrency: { readonly running: number; readonly limit: number | null };
  /** By class; null where requests are not counted. */
  readonly requests: Readonly<Record<RequestClass, (Verdict & Allowance) | null>>;
}

export interface LimitsStatus {
  readonly counts: boolean;
  readonly store: 'memory' | 'redis';
  /** Requests that were refused since the start, by error code. */
  readonly refused: Readonly<
    Record<'rate_limited' | 'concurrency_exceeded' | 'token_budget_exceeded', number>
  >;
  /** Null where there is none. */
  readonly redis: RedisStatus | null;
}

export class Limits {
  readonly logins: FailedLogins;
  readonly #options: LimitsOptions;
  readonly #link: RedisLink | null;
  readonly #windows: Pick<SharedWindows, 'take' | 'look'>;
  readonly #concurrency = new Concurrency();
  readonly #ledger: TokenLedger;
  readonly #refused = { rate_limited: 0, concurrency_exceeded: 0, token_budget_exceeded: 0 };

  constructor(options: LimitsOptions) {
    const { link, logger, usageFile, failedLogins, windowMs } = options;
    this.#options = options;
    this.#link = link;
    const memory = new MemoryWindows();
    this.#windows = this.#link
      ? new SharedWindows(this.#link, memory)
      : {
          take: async (key, allowance) => memory.take(key, allowance),
          look: async (key, allowance) => memory.look(key, allowance),
        };
    this.#ledger = new TokenLedger({ file: new UsageFile(usageFile, logger), link: this.#link });
    this.logins = new FailedLogins(failedLogins === null ? null : { limit: failedLogins, windowMs });
  }

  /**
   * Counts a request, whatever becomes of it; only one that is refused here costs nothing. Null where none is counted.
   * Waits for Redis no longer than its limit allows.
   */
  async count(asker: Asker, kind: RequestClass): Promise<Verdict | null> {
    const allowance = this.#allowanceOf(asker, kind);
    if (allowance === null) return null;
    const verdict = await this.#windows.take(`${kind}:${asker.share}`, allowance);
    if (!verdict.isAdmitted) this.#refused.rate_limited += 1;
    return verdict;
  }

  /**
   * Lets a piece of work begin; the result is to be called when it has ended, however it ended.
   * @param request the same object for all work of one request
   * @throws AppError concurrency_exceeded; token_budget_exceeded once the tokens of today are used up: what runs then
   * may go on, so that a caller exceeds its budget by what it has under way
   */
  async enter(asker: Asker, request: object): Promise<() => void> {
    const { share, limits } = asker;
    const leave = this.#counted(() => this.#concurrency.enter(share, limits.concurrency, request));
    try {
      await this.#requireTokens(asker);
    } catch (error) {
      leave();
      throw error;
    }
    return leave;
  }

  /** Tokens that were used, also by what failed or was cancelled. */
  spend(share: string, tokens: number): void {
    this.#ledger.add(share, tokens);
  }

  /** What this gateway knows of the caller's tokens, without asking anybody. */
  tokensOf({ share, limits }: Asker): TokenUsage {
    return {
      day: this.#ledger.today(),
      spent: this.#ledger.known(share),
      budget: limits.tokensPerDay,
      leftMs: this.#ledger.leftMs(),
    };
  }

  async usageOf(asker: Asker): Promise<CallerUsage> {
    await this.#ledger.spent(asker.share);
    const look = async (kind: RequestClass): Promise<[RequestClass, (Verdict & Allowance) | null]> => {
      const allowance = this.#allowanceOf(asker, kind);
      if (allowance === null) return [kind, null];
      return [kind, { ...allowance, ...(await this.#windows.look(`${kind}:${asker.share}`, allowance)) }];
    };
    return {
      tokens: this.tokensOf(asker),
      concurrency: { running: this.#concurrency.of(asker.share), limit: asker.limits.concurrency },
      requests: Object.fromEntries(await Promise.all(REQUEST_CLASSES.map(look))) as CallerUsage['requests'],
    };
  }

  status(): LimitsStatus {
    return {
      counts: this.#options.requests !== null,
      store: this.#link?.status().isUp ? 'redis' : 'memory',
      refused: { ...this.#refused },
      redis: this.#link?.status() ?? null,
    };
  }

  /** Keeps the tokens of today, and lets Redis go. */
  async close(): Promise<void> {
    await this.#ledger.close();
    this.#link?.close();
  }

  /** A stored key's own number is one a minute, whatever the gateway's window is. */
  #allowanceOf({ limits }: Asker, kind: RequestClass): Allowance | null {
    if (kind === 'generation' && limits.requestsPerMinute !== null) {
      return { limit: limits.requestsPerMinute, windowMs: MINUTE_MS };
    }
    const { requests, windowMs } = this.#options;
    return requests && { limit: requests[kind], windowMs };
  }

  async #requireTokens({ share, limits: { tokensPerDay } }: Asker): Promise<void> {
    if (tokensPerDay === null) return;
    const spent = await this.#ledger.spent(share);
    this.#counted(() => {
      if (spent < tokensPerDay) return;
      throw new AppError(
        'token_budget_exceeded',
        `This key may use ${tokensPerDay} tokens a day and has used ${spent} today; there are new ones at midnight UTC.`,
        { retryAfterMs: this.#ledger.leftMs() },
      );
    });
  }

  #counted<T>(check: () => T): T {
    try {
      return check();
    } catch (error) {
      const { code } = error as AppError;
      if (code === 'concurrency_exceeded' || code === 'token_budget_exceeded') this.#refused[code] += 1;
      throw error;
    }
  }
}
