import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SlidingWindow } from './sliding-window.js';

const WINDOW_MS = 60_000;
const allowances = fc.record({ limit: fc.integer({ min: 1, max: 40 }), windowMs: fc.constant(WINDOW_MS) });
/** Times between arrivals: bursts, pauses, and whole windows, so that edges are met exactly. */
const gaps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 0, max: 50 }) },
    { weight: 3, arbitrary: fc.integer({ min: 0, max: 5_000 }) },
    { weight: 1, arbitrary: fc.constantFrom(WINDOW_MS - 1, WINDOW_MS, WINDOW_MS + 1, 29_999.5) },
  ),
  { maxLength: 400 },
);

function momentsOf(waits: readonly number[]): number[] {
  let nowMs = 1_000;
  return waits.map(wait => {
    nowMs += wait;
    return nowMs;
  });
}

describe('a sliding window', () => {
  it('never lets in more than its limit in any stretch of its length, wherever that begins', () => {
    fc.assert(
      fc.property(allowances, gaps, (allowance, waits) => {
        const window = new SlidingWindow();
        const admitted = momentsOf(waits).filter(nowMs => window.take(nowMs, allowance).isAdmitted);
        for (const first of admitted) {
          const inside = admitted.filter(moment => moment >= first && moment <= first + WINDOW_MS);
          expect(inside.length).toBeLessThanOrEqual(allowance.limit);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('refuses nobody for whom there is room', () => {
    fc.assert(
      fc.property(allowances, gaps, (allowance, waits) => {
        const window = new SlidingWindow();
        const admitted: number[] = [];
        for (const nowMs of momentsOf(waits)) {
          const before = admitted.filter(moment => moment >= nowMs - WINDOW_MS).length;
          const { isAdmitted, remaining } = window.take(nowMs, allowance);
          expect(isAdmitted).toBe(before < allowance.limit);
          if (isAdmitted) admitted.push(nowMs);
          expect(remaining).toBe(allowance.limit - Math.min(allowance.limit, before + (isAdmitted ? 1 : 0)));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('says to the moment when the next place is free', () => {
    fc.assert(
      fc.property(allowances, gaps, (allowance, waits) => {
        const window = new SlidingWindow();
        let nowMs = 0;
        for (nowMs of momentsOf(waits)) window.take(nowMs, allowance);
        const { remaining, resetMs } = window.look(nowMs, allowance);
        if (remaining === allowance.limit) {
          expect(resetMs).toBe(0);
          return;
        }
        expect(window.look(nowMs + resetMs, allowance).remaining).toBe(remaining);
        expect(window.look(nowMs + resetMs + 0.001, allowance).remaining).toBeGreaterThan(remaining);
      }),
      { numRuns: 300 },
    );
  });

  it('is not doubled at an edge, as windows that stand still are', () => {
    const window = new SlidingWindow();
    const allowance = { limit: 100, windowMs: WINDOW_MS };
    const burst = (atMs: number) =>
      Array.from({ length: 200 }, () => window.take(atMs, allowance)).filter(({ isAdmitted }) => isAdmitted);
    expect(burst(WINDOW_MS - 1)).toHaveLength(100);
    expect(burst(WINDOW_MS + 1)).toHaveLength(0);
    expect(burst(2 * WINDOW_MS - 1)).toHaveLength(0);
    expect(burst(2 * WINDOW_MS)).toHaveLength(100);
  });

  it('counts nobody who was refused', () => {
    const window = new SlidingWindow();
    const allowance = { limit: 1, windowMs: 1_000 };
    expect(window.take(0, allowance)).toEqual({ isAdmitted: true, limit: 1, remaining: 0, resetMs: 1_000 });
    for (let nowMs = 10; nowMs <= 1_000; nowMs += 10) {
      expect(window.take(nowMs, allowance)).toMatchObject({ isAdmitted: false, resetMs: 1_000 - nowMs });
    }
    expect(window.take(1_000.5, allowance).isAdmitted).toBe(true);
  });

  it('holds a smaller limit at once, and says when that has room again', () => {
    const window = new SlidingWindow();
    for (let nowMs = 0; nowMs < 10; nowMs++) window.take(nowMs, { limit: 10, windowMs: 1_000 });
    const verdict = window.take(10, { limit: 3, windowMs: 1_000 });
    expect(verdict).toEqual({ isAdmitted: false, limit: 3, remaining: 0, resetMs: 997 });
    expect(window.take(1_007.5, { limit: 3, windowMs: 1_000 }).isAdmitted).toBe(true);
  });

  it('costs nothing for looking', () => {
    const window = new SlidingWindow();
    const allowance = { limit: 1, windowMs: 1_000 };
    for (let i = 0; i < 5; i++) expect(window.look(i, allowance).remaining).toBe(1);
    expect(window.take(6, allowance).isAdmitted).toBe(true);
    expect(window.look(7, allowance)).toMatchObject({ isAdmitted: false, remaining: 0, resetMs: 999 });
  });
});
