import { expect, it } from 'vitest';
import { pass, useFakeClock } from '../testing/fake-clock.js';
import { TokenSpeed } from './token-speed.js';

useFakeClock();

it('tells the tokens of the last ten seconds, nothing before the first, and 0 when none came of late', async () => {
  let tokens = 0;
  const speed = new TokenSpeed(() => tokens);
  expect(speed.perSecond()).toBeNull();
  speed.start();
  for (let second = 0; second < 20; second++) {
    await pass(1_000);
    tokens += second < 10 ? 5 : 20;
  }
  await pass(500);
  expect(speed.perSecond()).toBeGreaterThan(19);
  expect(speed.perSecond()).toBeLessThan(22);
  speed.rest();
  await pass(20_000);
  expect(speed.perSecond()).toBe(0);
  speed.start();
  await pass(2_000);
  tokens += 20;
  expect(speed.perSecond()).toBe(10);
  speed.rest();
});

it('is never negative when a worker begins anew', async () => {
  let tokens = 100;
  const speed = new TokenSpeed(() => tokens);
  speed.start();
  await pass(3_000);
  tokens = 40;
  expect(speed.perSecond()).toBe(0);
  speed.rest();
});
