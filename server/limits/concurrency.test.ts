import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Concurrency } from './concurrency.js';

describe('requests at once', () => {
  it('are free again when the last part of each has left, however often that is said', () => {
    const concurrency = new Concurrency();
    const [one, other] = [{}, {}];
    const first = concurrency.enter('a', 1, one);
    const second = concurrency.enter('a', 1, one);
    expect(concurrency.of('a')).toBe(1);
    expect(() => concurrency.enter('a', 1, other)).toThrow('may have 1 at once');
    first();
    first();
    expect(() => concurrency.enter('a', 1, other)).toThrow();
    second();
    expect(concurrency.of('a')).toBe(0);
    expect(() => concurrency.enter('a', 1, other)).not.toThrow();
  });

  it('are never more than their limit and never drift, whatever comes and goes', () => {
    const steps = fc.array(
      fc.record({ share: fc.constantFrom('a', 'b'), leaves: fc.boolean(), pick: fc.nat() }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), steps, (limit, all) => {
        const concurrency = new Concurrency();
        const inside: Record<string, (() => void)[]> = { a: [], b: [] };
        for (const { share, leaves, pick } of all) {
          const own = inside[share] ?? [];
          if (leaves) own.splice(pick % Math.max(1, own.length), 1)[0]?.();
          else if (own.length < limit) own.push(concurrency.enter(share, limit, {}));
          else expect(() => concurrency.enter(share, limit, {})).toThrow();
          expect(concurrency.of(share)).toBe(own.length);
        }
        for (const leave of Object.values(inside).flat()) leave();
        expect([concurrency.of('a'), concurrency.of('b')]).toEqual([0, 0]);
      }),
    );
  });
});
