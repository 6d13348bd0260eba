import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Watchdog } from './watchdog.js';

let barks = 0;
let watchdog: Watchdog;

beforeEach(() => {
  vi.useFakeTimers();
  barks = 0;
  watchdog = new Watchdog(() => {
    barks += 1;
  });
});
afterEach(() => {
  vi.useRealTimers();
});

it('barks once after the silence it was told to watch for', async () => {
  watchdog.watch(1_000);
  await vi.advanceTimersByTimeAsync(990);
  expect(barks).toBe(0);
  await vi.advanceTimersByTimeAsync(20);
  expect(barks).toBe(1);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(barks).toBe(1);
});

it('stays quiet for as long as it is fed, with one timer', async () => {
  watchdog.watch(1_000);
  for (let i = 0; i < 1_000; i++) {
    await vi.advanceTimersByTimeAsync(900);
    watchdog.feed(performance.now());
    expect(vi.getTimerCount()).toBe(1);
  }
  expect(barks).toBe(0);
  await vi.advanceTimersByTimeAsync(1_020);
  expect(barks).toBe(1);
});

it('looks once more after the pipes were read, since our own stall is not the silence of another', async () => {
  watchdog.watch(1_000);
  // Fires the timer but not the immediate, as an event loop does that was blocked and has not polled yet.
  setTimeout(() => watchdog.feed(performance.now()), 1_000);
  await vi.advanceTimersByTimeAsync(1_500);
  expect(barks).toBe(0);
});

it('leaves no timer behind when stopped, whenever that is', async () => {
  watchdog.watch(1_000);
  setTimeout(() => watchdog.stop(), 1_000);
  await vi.advanceTimersByTimeAsync(3_000);
  expect(barks).toBe(0);
  expect(vi.getTimerCount()).toBe(0);
});

it('starts anew with another time', async () => {
  watchdog.watch(1_000);
  await vi.advanceTimersByTimeAsync(900);
  watchdog.watch(100);
  await vi.advanceTimersByTimeAsync(90);
  expect(barks).toBe(0);
  await vi.advanceTimersByTimeAsync(20);
  expect(barks).toBe(1);
});
