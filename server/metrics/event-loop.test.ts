import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { until } from '../testing/until.js';
import { watchEventLoop } from './event-loop.js';

it('tells how long the loop was blocked, once', async () => {
  const monitor = watchEventLoop();
  onTestFinished(() => monitor.stop());
  let worstMs = 0;
  await until(async () => {
    const untilMs = performance.now() + 150;
    while (performance.now() < untilMs);
    // It looks at the clock again before it can be asked.
    await sleep(60);
    worstMs = Math.max(worstMs, monitor.take().maxMs);
    return worstMs > 100;
  });
  expect(worstMs).toBeGreaterThan(100);
  monitor.take();
  const { p50Ms, p99Ms, maxMs } = monitor.take();
  // Nothing was looked at between the two.
  expect([p50Ms, p99Ms, maxMs]).toEqual([0, 0, 0]);
});
