// The windows of all callers, in a Redis that gateways share; in the memory of this one while that is away.
import type { MemoryWindows } from './memory-windows.js';
import type { RedisLink } from './redis-link.js';
import type { Allowance, Verdict } from './sliding-window.js';

/**
 * Atomic, and on Redis's own clock: gateways neither race nor disagree about the time. A list of the moments of all
 * requests that were let in, in microseconds. KEYS: the list. ARGV: limit, window in microseconds, `take` or `look`.
 * Answers whether it was let in, how many are, and the microseconds until one place more is free.
 */
const SCRIPT = `
local key, limit, window = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local newest = tonumber(redis.call('LINDEX', key, -1))
if newest and newest > now then
  -- Its clock was set back: what was counted keeps its distances and ends now, or nobody would get in until then.
  local moments = redis.call('LRANGE', key, 0, -1)
  redis.call('DEL', key)
  for _, moment in ipairs(moments) do
    redis.call('RPUSH', key, string.format('%.0f', moment - newest + now))
  end
  redis.call('PEXPIRE', key, math.ceil(window / 1000) + 1000)
end
local oldest = tonumber(redis.call('LINDEX', key, 0))
while oldest and oldest + window < now do
  redis.call('LPOP', key)
  oldest = tonumber(redis.call('LINDEX', key, 0))
end
local count = redis.call('LLEN', key)
local admitted = count < limit
if admitted and ARGV[3] == 'take' then
  redis.call('RPUSH', key, string.format('%.0f', now))
  redis.call('PEXPIRE', key, math.ceil(window / 1000) + 1000)
  count = count + 1
end
local leaves = tonumber(redis.call('LINDEX', key, math.max(0, count - limit)))
return { admitted and 1 or 0, count, leaves and leaves + window - now or 0 }
`;
type Answer = [admitted: number, count: number, resetMicros: number];
type Mode = 'take' | 'look';

export class SharedWindows {
  readonly #link: RedisLink;
  readonly #memory: MemoryWindows;

  constructor(link: RedisLink, memory: MemoryWindows) {
    this.#link = link;
    this.#memory = memory;
    link.redis.defineCommand('countRequest', { numberOfKeys: 1, lua: SCRIPT });
  }

  /** Counts a request where there is room for it. */
  async take(key: string, allowance: Allowance): Promise<Verdict> {
    const verdict = await this.#ask(key, allowance, 'take');
    if (verdict === null) return this.#memory.take(key, allowance);
    // So that a caller does not begin anew when Redis goes away.
    if (verdict.isAdmitted) this.#memory.note(key, allowance);
    return verdict;
  }

  /** What `take` would say, without a request. */
  async look(key: string, allowance: Allowance): Promise<Verdict> {
    return (await this.#ask(key, allowance, 'look')) ?? this.#memory.look(key, allowance);
  }

  async #ask(key: string, { limit, windowMs }: Allowance, mode: Mode): Promise<Verdict | null> {
    const answer = await this.#link.ask(redis => {
      const { countRequest } = redis as unknown as {
        countRequest(key: string, limit: number, windowMicros: number, mode: Mode): Promise<Answer>;
      };
      return countRequest.call(redis, `window:${key}`, limit, windowMs * 1_000, mode);
    });
    if (answer === null) return null;
    const [admitted, count, resetMicros] = answer;
    return {
      isAdmitted: admitted === 1,
      limit,
      remaining: Math.max(0, limit - count),
      resetMs: resetMicros / 1_000,
    };
  }
}
