import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { hasRedisServer, type RedisServer, startRedis } from '../../chaos/redis-server.mjs';
import { SILENT_RECORDER } from '../metrics/silent-recorder.js';
import { recordingLogger } from '../testing/recording-logger.js';
import { until } from '../testing/until.js';
import { MemoryWindows } from './memory-windows.js';
import { RedisLink } from './redis-link.js';
import { SharedWindows } from './shared-windows.js';

const ALLOWANCE = { limit: 3, windowMs: 60_000 };
/** Generous, where a busy machine must not pass for a slow Redis. */
const PATIENT_MS = 5_000;
const CAP_MS = 50;

const links: RedisLink[] = [];
afterEach(() => {
  for (const link of links.splice(0)) link.close();
});

function open(url: string, { timeoutMs = PATIENT_MS, prefix = 'test:', warningIntervalMs = 60_000 } = {}) {
  const { logger, entries } = recordingLogger();
  let fallbacks = 0;
  const recorder = { ...SILENT_RECORDER, redisFallback: () => void fallbacks++ };
  const link = new RedisLink({ url, prefix, timeoutMs, logger, recorder, warningIntervalMs });
  links.push(link);
  return {
    link,
    windows: new SharedWindows(link, new MemoryWindows()),
    warnings: () => entries.filter(({ level }) => level === 'warn'),
    entries,
    fallbacks: () => fallbacks,
    isUp: () => until(() => link.status().isUp),
  };
}

/** Mean of these, each asked when the one before had its answer: one alone says nothing on a busy machine. */
async function meanMs(count: number, ask: () => Promise<unknown>): Promise<number> {
  const beganMs = performance.now();
  for (let i = 0; i < count; i++) await ask();
  return (performance.now() - beganMs) / count;
}

describe.skipIf(!hasRedisServer)('windows in a Redis (needs redis-server)', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.kill());
  beforeEach(() => redis.ask('FLUSHALL'));

  it('are shared by gateways with one prefix, and by no others', async () => {
    const [one, other, stranger] = [open(redis.url), open(redis.url), open(redis.url, { prefix: 'other:' })];
    await Promise.all([one.isUp(), other.isUp(), stranger.isUp()]);
    expect(await one.windows.take('a', ALLOWANCE)).toMatchObject({ isAdmitted: true, remaining: 2 });
    expect(await other.windows.take('a', ALLOWANCE)).toMatchObject({ isAdmitted: true, remaining: 1 });
    expect(await one.windows.look('a', ALLOWANCE)).toMatchObject({ isAdmitted: true, remaining: 1 });
    expect(await one.windows.take('a', ALLOWANCE)).toMatchObject({ isAdmitted: true, remaining: 0 });
    const refused = await other.windows.take('a', ALLOWANCE);
    expect(refused).toMatchObject({ isAdmitted: false, limit: 3, remaining: 0 });
    expect(refused.resetMs).toBeGreaterThan(50_000);
    expect(refused.resetMs).toBeLessThanOrEqual(60_000);
    expect(await stranger.windows.take('a', ALLOWANCE)).toMatchObject({ remaining: 2 });
    expect(one.fallbacks() + other.fallbacks()).toBe(0);
  });

  it('let in exactly as many as they may, of 500 at once through two gateways', async () => {
    const gateways = [open(redis.url), open(redis.url)];
    await Promise.all(gateways.map(({ isUp }) => isUp()));
    const allowance = { limit: 100, windowMs: 60_000 };
    const verdicts = await Promise.all(
      Array.from({ length: 500 }, (_, i) => gateways[i % 2]?.windows.take('a', allowance)),
    );
    expect(verdicts.filter(verdict => verdict?.isAdmitted)).toHaveLength(100);
  });

  it('slide: a place is free once the request that took it is older than the window', async () => {
    const { windows, isUp } = open(redis.url);
    await isUp();
    const allowance = { limit: 1, windowMs: 300 };
    await windows.take('a', allowance);
    let refusals = 0;
    await until(async () => {
      const { isAdmitted, resetMs } = await windows.take('a', allowance);
      if (!isAdmitted) refusals += 1;
      expect(resetMs).toBeLessThanOrEqual(300);
      return isAdmitted;
    });
    expect(refusals).toBeGreaterThan(0);
    const [seconds = 0, micros = 0] = ((await redis.ask('TIME')) as string[]).map(Number);
    const [moment] = (await redis.ask('LRANGE', 'test:window:a', 0, -1)) as string[];
    expect(seconds * 1e6 + micros - Number(moment)).toBeLessThan(60e6);
  });

  it('are forgotten by Redis itself', async () => {
    const { windows, isUp } = open(redis.url);
    await isUp();
    await windows.take('a', ALLOWANCE);
    const left = Number(await redis.ask('PTTL', 'test:window:a'));
    expect(left).toBeGreaterThan(50_000);
    expect(left).toBeLessThanOrEqual(61_000);
  });

  it('lock nobody out when the clock of Redis is set back by an hour, and forgive nobody', async () => {
    const { windows, isUp } = open(redis.url);
    await isUp();
    const hour = 3_600e6;
    const [seconds = 0, micros = 0] = ((await redis.ask('TIME')) as string[]).map(Number);
    const then = seconds * 1e6 + micros + hour;
    await redis.ask('RPUSH', 'test:window:a', then - 30e6, then - 20e6, then - 10e6);
    const { isAdmitted, resetMs } = await windows.take('a', ALLOWANCE);
    expect(isAdmitted).toBe(false);
    expect(resetMs).toBeGreaterThan(20_000);
    expect(resetMs).toBeLessThanOrEqual(40_000);
  });

  it('run on the clock of Redis, not on this machine’s', async () => {
    const { windows, isUp } = open(redis.url);
    await isUp();
    const realNow = Date.now;
    try {
      for (const jumpMs of [0, 3_600_000, -3_600_000]) {
        Date.now = () => realNow() + jumpMs;
        expect((await windows.take('a', ALLOWANCE)).isAdmitted).toBe(true);
      }
      Date.now = () => realNow() + 36_000_000;
      expect((await windows.take('a', ALLOWANCE)).isAdmitted).toBe(false);
    } finally {
      Date.now = realNow;
    }
  });

  it('go on in memory while Redis is paused, slow no request but those it had, and come back by themselves', async () => {
    const { windows, link, isUp, warnings, fallbacks, entries } = open(redis.url, { timeoutMs: CAP_MS });
    await isUp();
    await windows.take('a', ALLOWANCE);
    await redis.ask('CLIENT', 'PAUSE', 5_000);
    const pausedAtMs = performance.now();
    await until(async () => {
      await windows.take('b', { limit: 1_000, windowMs: 60_000 });
      return !link.status().isUp;
    });
    // Known to be away: asking costs nothing any more.
    expect(await meanMs(50, () => windows.look('b', ALLOWANCE))).toBeLessThan(CAP_MS / 2);
    expect(fallbacks()).toBeGreaterThan(50);
    // It had counted one: nobody begins anew.
    expect(await windows.take('a', ALLOWANCE)).toMatchObject({ isAdmitted: true, remaining: 1 });
    await until(() => link.status().isUp, 30_000);
    expect(performance.now() - pausedAtMs).toBeGreaterThan(4_000);
    expect(warnings().length).toBe(1);
    expect(warnings()[0]?.fields.error).toMatch(/no answer within 50 ms|closed/);
    expect(entries.at(-1)?.message).toContain('back');
  }, 60_000);
});

describe.skipIf(!hasRedisServer)('windows in a Redis that fails (needs redis-server)', () => {
  let redis: RedisServer;
  beforeEach(async () => {
    redis = await startRedis();
  });
  afterEach(() => redis.kill());

  it('are in memory from the start while it is down, and in it as soon as it is there', async () => {
    await redis.kill();
    const { windows, link, isUp, warnings } = open(redis.url);
    expect(await windows.take('a', ALLOWANCE)).toMatchObject({ isAdmitted: true, remaining: 2 });
    await until(() => warnings().length === 1);
    expect(link.status()).toMatchObject({ isUp: false, lastError: expect.stringContaining('ECONNREFUSED') });
    await redis.start();
    await isUp();
    await windows.take('a', ALLOWANCE);
    expect(await redis.ask('LLEN', 'test:window:a')).toBe(1);
  }, 30_000);

  it('lose nothing and refuse nobody when it is killed among 200 questions', async () => {
    const { windows, link, isUp, warnings } = open(redis.url);
    await isUp();
    const allowance = { limit: 1_000, windowMs: 60_000 };
    const asked: Promise<unknown>[] = [];
    for (let i = 0; i < 200; i++) {
      asked.push(windows.take('a', allowance));
      if (i === 100) void redis.kill();
      await new Promise(resolve => setImmediate(resolve));
    }
    const verdicts = (await Promise.all(asked)) as { isAdmitted: boolean }[];
    expect(verdicts.every(({ isAdmitted }) => isAdmitted)).toBe(true);
    await until(() => !link.status().isUp);
    const { remaining } = await windows.look('a', allowance);
    expect(remaining).toBe(800);
    expect(warnings()).toHaveLength(1);
    await redis.kill();
    await redis.start();
    await isUp();
  }, 30_000);

  it('are in memory while it is stopped in the middle, with one warning a minute', async () => {
    const { windows, link, warnings, isUp } = open(redis.url, { timeoutMs: CAP_MS, warningIntervalMs: 500 });
    await isUp();
    redis.silence();
    try {
      await until(async () => {
        expect((await windows.take('a', { limit: 1_000, windowMs: 60_000 })).isAdmitted).toBe(true);
        return !link.status().isUp;
      });
      expect(await meanMs(50, () => windows.look('a', ALLOWANCE))).toBeLessThan(CAP_MS / 2);
      const before = warnings().length;
      expect(before).toBe(1);
      await until(() => warnings().length > before, 30_000);
    } finally {
      redis.resume();
    }
    await until(() => link.status().isUp, 30_000);
  }, 60_000);

  it('are in memory when it has no room or takes no writes', async () => {
    const { windows, link, isUp, warnings } = open(redis.url);
    await isUp();
    await redis.ask('CONFIG', 'SET', 'maxmemory', 1);
    expect(await windows.take('a', ALLOWANCE)).toMatchObject({ isAdmitted: true, remaining: 2 });
    expect(link.status().isUp).toBe(false);
    expect(warnings()[0]?.fields.error).toContain('OOM');
    await redis.ask('CONFIG', 'SET', 'maxmemory', 0);
    await isUp();
  }, 30_000);

  it('are in memory when it wants a password, which no message shows', async () => {
    await redis.ask('CONFIG', 'SET', 'requirepass', 'right');
    const url = redis.url.replace('redis://', 'redis://:canary-31b7@');
    const { windows, link, entries } = open(url);
    await until(() => link.status().lastError !== null);
    expect(await windows.take('a', ALLOWANCE)).toMatchObject({ isAdmitted: true });
    expect(link.status().isUp).toBe(false);
    expect(JSON.stringify([entries, link.status()])).not.toContain('canary-31b7');
  }, 30_000);
});

describe('windows in a Redis that never says a word', () => {
  let silent: Server;
  const sockets = new Set<Socket>();
  beforeEach(async () => {
    silent = createServer(socket => {
      sockets.add(socket);
      socket.on('error', () => {}).resume();
    });
    await new Promise<void>(resolve => {
      silent.listen(0, '127.0.0.1', resolve);
    });
  });
  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise(resolve => silent.close(resolve));
  });

  it('are in memory at once, and the connections to it do not pile up', async () => {
    const { port } = silent.address() as AddressInfo;
    const { windows, link } = open(`redis://127.0.0.1:${port}`, { timeoutMs: CAP_MS });
    expect(await meanMs(20, () => windows.take('a', { limit: 100, windowMs: 60_000 }))).toBeLessThan(
      CAP_MS / 2,
    );
    await until(() => sockets.size >= 3, 30_000);
    await until(
      () => [...sockets].filter(socket => !socket.destroyed && socket.readyState === 'open').length <= 1,
    );
    expect(link.status()).toMatchObject({ isUp: false, fallbacks: 20 });
  }, 60_000);
});
