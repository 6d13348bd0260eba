import { describe, expect, it } from 'vitest';
import { median, medianRatio, quantile } from './statistics.mjs';

describe('statistics', () => {
  it('take the nearest rank', () => {
    const hundred = Array.from({ length: 100 }, (_, index) => index + 1);
    expect([0.5, 0.95, 0.99, 1].map(share => quantile(hundred, share))).toEqual([50, 95, 99, 100]);
    expect(quantile([7], 0.99)).toBe(7);
    expect(quantile([], 0.5)).toBeNull();
  });

  it('sort what never came last', () => {
    const values = [Number.POSITIVE_INFINITY, 3, Number.POSITIVE_INFINITY, 1];
    expect(quantile(values, 0.5)).toBe(3);
    expect(quantile(values, 0.95)).toBe(Number.POSITIVE_INFINITY);
  });

  it('leave out rounds that failed', () => {
    expect(median([5, null, 1, undefined, 3])).toBe(3);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(median([null])).toBeNull();
  });

  it('divide within a round, not between medians', () => {
    expect(medianRatio([10, 40, 90], [10, 20, 30])).toBe(2);
    expect(medianRatio([10, null, 90], [0, 20, 30])).toBe(3);
    expect(medianRatio([], [])).toBeNull();
  });
});
