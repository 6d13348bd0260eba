import fc from 'fast-check';
import { expect, it } from 'vitest';
import { RestartPolicy } from './restart-policy.js';

const MINUTE_MS = 60_000;

it('waits longer each time, from 250 ms to 30 s, and forgets after a minute of being ready', () => {
  const policy = new RestartPolicy(() => 0);
  const delays = Array.from({ length: 9 }, (_, i) => policy.onDeath(10, false, i).delayMs);
  expect(delays).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  expect(policy.onDeath(MINUTE_MS - 1, false, 20).delayMs).toBe(30_000);
  expect(policy.onDeath(MINUTE_MS, false, 30).delayMs).toBe(250);
});

it('forgets after a whole answer, so that a worker killed time and again between answers is back at once', () => {
  const policy = new RestartPolicy(() => 0);
  const delays = Array.from({ length: 10 }, (_, i) => {
    policy.onAnswer();
    return policy.onDeath(10, false, i).delayMs;
  });
  expect(delays).toEqual(Array(10).fill(250));
});

it('spreads restarts by jitter and keeps them in their bounds', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 0.999, noNaN: true }), fc.nat(12), (random, deaths) => {
      const policy = new RestartPolicy(() => random);
      for (let i = 0; i < deaths; i++) policy.onDeath(10, false, i);
      const { delayMs } = policy.onDeath(10, false, deaths);
      expect(delayMs).toBeGreaterThanOrEqual(250);
      expect(delayMs).toBeLessThanOrEqual(30_000);
    }),
    { seed: 3 },
  );
  const first = (random: number): number => new RestartPolicy(() => random).onDeath(10, false, 0).delayMs;
  expect(first(0.9)).toBeGreaterThan(first(0.1));
});

it('gives up at the fifth death in five minutes before being ready', () => {
  const policy = new RestartPolicy(() => 0);
  const givenUp = [0, 1, 2, 3, 4].map(minute => policy.onDeath(null, false, minute * MINUTE_MS).isGivenUp);
  expect(givenUp).toEqual([false, false, false, false, true]);
});

it('does not give up when the deaths are further apart, or a worker was ready in between', () => {
  const slow = new RestartPolicy(() => 0);
  for (let i = 0; i < 20; i++) expect(slow.onDeath(null, false, i * 1.3 * MINUTE_MS).isGivenUp).toBe(false);
  const mended = new RestartPolicy(() => 0);
  for (let i = 0; i < 20; i++)
    expect(mended.onDeath(i % 4 === 3 ? 10 : null, false, i).isGivenUp).toBe(false);
});

it('tries again slowly after giving up, until a worker was ready', () => {
  const policy = new RestartPolicy(() => 0);
  const slow = Array.from({ length: 6 }, (_, i) => policy.onDeath(null, i === 0, i * 700_000));
  expect(slow.map(restart => restart.isGivenUp)).toEqual(Array(6).fill(true));
  expect(slow.map(restart => restart.delayMs / MINUTE_MS)).toEqual([1, 2, 4, 8, 10, 10]);
  expect(policy.onDeath(10, false, 7_000_000).isGivenUp).toBe(false);
});

it('starts a worker at most eight times in the first minute, however it dies', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { minLength: 60, maxLength: 60 }), wasReady => {
      const policy = new RestartPolicy(() => 0);
      let nowMs = 0;
      let starts = 0;
      while (nowMs < MINUTE_MS) {
        nowMs += policy.onDeath(wasReady[starts] ? 0 : null, false, nowMs).delayMs;
        starts += 1;
      }
      expect(starts).toBeLessThanOrEqual(8);
    }),
    { seed: 3 },
  );
});
