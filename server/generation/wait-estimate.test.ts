import { describe, expect, it } from 'vitest';
import { estimateWaitMs } from './wait-estimate.js';

const holds = { slots: 3, heldMs: 1_000, elapsedMs: [200, 900, 5_000] };

describe('the wait for a slot', () => {
  it('is until the slots come free one after the other, and then in rounds', () => {
    const waits = [1, 2, 3, 4, 5, 6, 7].map(position => estimateWaitMs(position, holds));
    expect(waits.map(Math.round)).toEqual([100, 100, 800, 1_100, 1_100, 1_800, 2_100]);
  });

  it('is none while a slot is free', () => {
    const free = { ...holds, elapsedMs: [200] };
    expect([1, 2, 3, 4].map(position => estimateWaitMs(position, free))).toEqual([0, 0, 800, 1_000]);
  });

  it('never gets shorter with the place', () => {
    for (const slots of [1, 2, 5]) {
      const some = { slots, heldMs: 700, elapsedMs: Array.from({ length: slots }, (_, i) => i * 300) };
      const waits = Array.from({ length: 40 }, (_, i) => estimateWaitMs(i + 1, some));
      expect(waits).toEqual([...waits].sort((a, b) => a - b));
    }
  });
});
