// The tokens that each caller has used today, in UTC: in this gateway, and, where there is a Redis, in all that share it.
// Knows no budget.
import { randomUUID } from 'node:crypto';
import type { RedisLink } from './redis-link.js';
import type { UsageFile, UsageRecord } from './usage-file.js';

const SAVE_INTERVAL_MS = 1_000;
const MAX_ADDRESSES = 10_000;
const KEPT_SECONDS = 2 * 86_400;

/**
 * Sets the counter of one gateway, which only grows, and answers the sum of all. To tell the same twice changes nothing,
 * so that what was told to a Redis that did not answer in time can be told again. KEYS: a hash. ARGV: name of the
 * counter, its value, lifetime in seconds.
 */
const SCRIPT = `
local value = tonumber(ARGV[2])
if value > tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or 0) then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
  redis.call('EXPIRE', KEYS[1], ARGV[3])
end
local sum = 0
for _, counted in ipairs(redis.call('HVALS', KEYS[1])) do sum = sum + counted end
return sum
`;

interface Count {
  /** Counted by this process. */
  own: number;
  /** By others, and by this gateway before it was started again: as far as is known. */
  others: number;
  /** How much of `own` Redis has acknowledged. */
  told: number;
}

export interface TokenLedgerOptions {
  readonly file: UsageFile;
  /** Null where this gateway counts for itself. */
  readonly link: RedisLink | null;
  readonly now?: () => Date;
}

export class TokenLedger {
  readonly #file: UsageFile;
  readonly #link: RedisLink | null;
  readonly #now: () => Date;
  /** Of this process: each start counts under a new one. */
  readonly #counter = randomUUID();
  #day: string;
  readonly #counts = new Map<string, Count>();
  /** What earlier processes have not told Redis, by their counters. */
  #untold: UsageRecord['untold'] = {};
  #addresses = 0;
  #saver: NodeJS.Timeout | null = null;
  #saving: Promise<unknown> = Promise.resolve();

  constructor({ file, link, now = () => new Date() }: TokenLedgerOptions) {
    this.#file = file;
    this.#link = link;
    this.#now = now;
    this.#day = this.today();
    const former = file.read();
    if (former?.day === this.#day) {
      for (const [share, tokens] of Object.entries(former.total)) this.#countOf(share).others = tokens;
      if (link !== null) this.#untold = former.untold;
    }
    link?.redis.defineCommand('countTokens', { numberOfKeys: 1, lua: SCRIPT });
    link?.onBack(() => void this.#tellAll());
  }

  /** The day of the counts, YYYY-MM-DD. */
  today(): string {
    return this.#now().toISOString().slice(0, 10);
  }

  /** Until the counts begin anew. */
  leftMs(): number {
    const nowMs = this.#now().getTime();
    return 86_400_000 - (nowMs % 86_400_000);
  }

  /** As far as this gateway knows. */
  known(share: string): number {
    this.#turnDay();
    const count = this.#counts.get(share);
    return count === undefined ? 0 : count.own + count.others;
  }

  /** With what other gateways have counted, where they can be asked. */
  async spent(share: string): Promise<number> {
    this.#turnDay();
    const day = this.#day;
    const fields = await this.#link?.ask(redis => redis.hgetall(keyOf(day, share)));
    if (fields != null && day === this.#day) {
      const { [this.#counter]: _, ...others } = fields;
      this.#hearOf(
        share,
        Object.values(others).reduce((sum, tokens) => sum + Number(tokens), 0),
      );
    }
    return this.known(share);
  }

  add(share: string, tokens: number): void {
    if (tokens <= 0) return;
    this.#turnDay();
    const count = this.#countOf(share);
    count.own += tokens;
    if (this.#link?.status().isUp) void this.#tell(share, count);
    this.#saveSoon();
  }

  /** Writes what is new. */
  async close(): Promise<void> {
    if (this.#saver !== null) this.#save();
    await this.#saving;
  }

  #saveSoon(): void {
    this.#saver ??= setTimeout(() => this.#save(), SAVE_INTERVAL_MS);
    this.#saver.unref();
  }

  #save(): void {
    if (this.#saver !== null) clearTimeout(this.#saver);
    this.#saver = null;
    this.#saving = this.#saving
      .then(() => this.#file.write(this.#record()))
      .then(isWritten => {
        if (!isWritten) this.#saveSoon();
      });
  }

  #record(): UsageRecord {
    const total: Record<string, number> = {};
    const mine: Record<string, number> = {};
    for (const [share, { own, others, told }] of this.#counts) {
      if (own + others > 0) total[share] = own + others;
      if (this.#link !== null && own > told) mine[share] = own;
    }
    const untold = Object.keys(mine).length === 0 ? this.#untold : { ...this.#untold, [this.#counter]: mine };
    return { day: this.#day, total, untold };
  }

  async #tellAll(): Promise<void> {
    const day = this.#day;
    for (const [counter, tokens] of Object.entries(this.#untold)) {
      for (const [share, own] of Object.entries(tokens)) {
        if ((await this.#setCounter(day, share, counter, own)) === null) return;
      }
      delete this.#untold[counter];
    }
    for (const [share, count] of this.#counts) {
      if (count.own > count.told) await this.#tell(share, count);
    }
  }

  async #tell(share: string, count: Count): Promise<void> {
    const { own } = count;
    const sum = await this.#setCounter(this.#day, share, this.#counter, own);
    if (sum === null) return;
    count.told = Math.max(count.told, own);
    if (this.#counts.get(share) === count) this.#hearOf(share, sum - own);
  }

  async #setCounter(day: string, share: string, counter: string, tokens: number): Promise<number | null> {
    const sum = await this.#link?.ask(redis => {
      const { countTokens } = redis as unknown as {
        countTokens(key: string, counter: string, tokens: number, seconds: number): Promise<number>;
      };
      return countTokens.call(redis, keyOf(day, share), counter, tokens, KEPT_SECONDS);
    });
    return sum ?? null;
  }

  /** Counts only grow within a day: a smaller sum is an older one, or a Redis that has forgotten. */
  #hearOf(share: string, others: number): void {
    const count = this.#countOf(share);
    count.others = Math.max(count.others, others);
  }

  #turnDay(): void {
    const day = this.today();
    if (day === this.#day) return;
    this.#day = day;
    this.#counts.clear();
    this.#addresses = 0;
    this.#untold = {};
  }

  #countOf(share: string): Count {
    const known = this.#counts.get(share);
    if (known !== undefined) return known;
    const count = { own: 0, others: 0, told: 0 };
    this.#counts.set(share, count);
    if (isAddress(share) && ++this.#addresses > MAX_ADDRESSES) this.#forgetAddress();
    return count;
  }

  /** Keys are their owner's, addresses are anybody's: those are kept in a bounded number. */
  #forgetAddress(): void {
    for (const share of this.#counts.keys()) {
      if (!isAddress(share)) continue;
      this.#counts.delete(share);
      this.#addresses -= 1;
      return;
    }
  }
}

function isAddress(share: string): boolean {
  return share.startsWith('address:');
}

function keyOf(day: string, share: string): string {
  return `tokens:${day}:${share}`;
}
