import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fuseRankings } from './fusion.js';

const fuse = (...lists: string[][]) => fuseRankings(lists, item => item);
const names = (...lists: string[][]) => fuse(...lists).map(({ item }) => item);

describe('reciprocal rank fusion', () => {
  it('puts what both lists have before what one has', () => {
    expect(names(['a', 'b', 'c'], ['d', 'b', 'e'])).toEqual(['b', 'a', 'd', 'c', 'e']);
  });

  it('adds up 1 / (60 + place), and tells the places', () => {
    expect(fuse(['a', 'b'], ['b'])).toEqual([
      { item: 'b', score: 1 / 62 + 1 / 61, places: [2, 1] },
      { item: 'a', score: 1 / 61, places: [1, null] },
    ]);
  });

  it('gives the item as the first list has it', () => {
    const lists = [[{ id: 1, by: 'text' }], [{ id: 1, by: 'meaning' }]];
    expect(fuseRankings(lists, ({ id }) => String(id)).map(({ item }) => item.by)).toEqual(['text']);
  });

  it('counts an item that a list repeats once', () => {
    expect(fuse(['a', 'a', 'b'])).toEqual([
      { item: 'a', score: 1 / 61, places: [1] },
      { item: 'b', score: 1 / 63, places: [3] },
    ]);
  });

  it('is empty of nothing', () => {
    expect([fuse(), fuse([]), fuse([], [])]).toEqual([[], [], []]);
  });

  const items = fc.uniqueArray(fc.integer({ min: 0, max: 30 }).map(String));

  it('keeps the order of a single list', () => {
    fc.assert(
      fc.property(items, list => {
        expect(names(list, [])).toEqual(list);
      }),
    );
  });

  it('has each item once, the best score first, and puts none above one that both lists prefer', () => {
    fc.assert(
      fc.property(items, items, (left, right) => {
        const fused = fuse(left, right);
        const order = fused.map(({ item }) => item);
        expect([...order].sort()).toEqual([...new Set([...left, ...right])].sort());
        expect(fused.map(({ score }) => score)).toEqual(
          fused.map(({ score }) => score).sort((a, b) => b - a),
        );
        for (const item of left.filter(each => right.includes(each))) {
          const worse = left
            .slice(left.indexOf(item) + 1)
            .filter(each => right.indexOf(each) > right.indexOf(item));
          for (const each of worse) expect(order.indexOf(item)).toBeLessThan(order.indexOf(each));
        }
      }),
    );
  });
});
