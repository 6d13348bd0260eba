import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { firstStretch, keysOf, nextStretch, type Stretch, shorterStretch } from './stretches.js';

const numbers = fc.integer({ min: 0, max: 50_000_000 });
const WISH = { wanted: 1_000, maxExamined: 2_500 };
const finding = (found: number) => ({ found, examined: found });
const covers = (keys: readonly number[], number: number): boolean =>
  keys.includes(number >> 10) || keys.includes(-1 - (number >> 16));

describe('the stretches of a search', () => {
  it('lie one before the other from the last number to 0, without gap', () => {
    fc.assert(
      fc.property(numbers, fc.infiniteStream(fc.integer({ min: 0, max: 900 })), (last, finds) => {
        let stretch = firstStretch(last);
        expect(stretch.high).toBeGreaterThan(last);
        let searched = stretch.high - stretch.low;
        let rounds = 1;
        while (stretch.low > 0 && rounds < 5_000) {
          const next: Stretch = nextStretch(stretch, {
            searched,
            ...finding(finds.next().value ?? 0),
            ...WISH,
          });
          expect(next.high).toBe(stretch.low);
          expect(next.low).toBeLessThan(next.high);
          searched += next.high - next.low;
          stretch = next;
          rounds += 1;
        }
        expect(stretch.low).toBe(0);
      }),
      { numRuns: 30 },
    );
  });

  it('grow fast while nothing is found: 16 million rows are searched in four', () => {
    const sizes: number[] = [];
    let stretch = firstStretch(16_000_000);
    for (;;) {
      sizes.push(stretch.high - stretch.low);
      if (stretch.low === 0) break;
      stretch = nextStretch(stretch, { searched: sizes.reduce((a, b) => a + b), ...finding(0), ...WISH });
    }
    expect(sizes.length).toBeLessThanOrEqual(4);
  });

  it('are as long as what was found makes probable', () => {
    const first = firstStretch(1_000_000);
    const next = nextStretch(first, { searched: 2_000, ...finding(100), ...WISH });
    expect(next.high - next.low).toBeGreaterThan(18_000);
    expect(next.high - next.low).toBeLessThan(26_000);
  });

  it('are not so long that the index finds far more than matches', () => {
    const first = firstStretch(1_000_000);
    const next = nextStretch(first, { searched: 2_000, examined: 1_000, found: 1, ...WISH });
    expect(next.high - next.low).toBeLessThan(5_000);
  });

  it('are made shorter from their old end, down to the least', () => {
    let stretch: Stretch = { low: 0, high: 1_048_576 };
    for (let round = 0; round < 5; round += 1) {
      const shorter = shorterStretch(stretch);
      expect(shorter.high).toBe(stretch.high);
      expect(shorter.low).toBeGreaterThanOrEqual(stretch.low);
      stretch = shorter;
    }
    expect(stretch.high - stretch.low).toBe(1_024);
    expect(shorterStretch(stretch)).toEqual(stretch);
  });
});

describe('the keys of a stretch', () => {
  it('are those of its rows and of no others', () => {
    fc.assert(
      fc.property(numbers, fc.integer({ min: 1, max: 300 }), fc.nat(), (high, length, at) => {
        const stretch = { low: (high >> 10) * 1024, high: ((high >> 10) + length) * 1024 };
        const keys = keysOf(stretch);
        const inside = stretch.low + (at % (stretch.high - stretch.low));
        expect(covers(keys, inside)).toBe(true);
        expect(covers(keys, stretch.high)).toBe(false);
        if (stretch.low > 0) expect(covers(keys, stretch.low - 1)).toBe(false);
      }),
    );
  });

  it('are few, however long it is', () => {
    expect(keysOf({ low: 0, high: 16 * 1024 * 1024 })).toHaveLength(256);
    expect(keysOf({ low: 65_536, high: 16 * 1024 * 1024 + 63 * 1024 }).length).toBeLessThan(256 + 64);
  });
});
