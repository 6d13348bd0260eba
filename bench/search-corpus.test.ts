import { describe, expect, it } from 'vitest';
import { exchangeRow, vocabulary } from './search-corpus.mjs';
import { makeQueries } from './search-queries.mjs';

describe("the search measurement's exchanges", () => {
  it('are the same ones every time', () => {
    expect(exchangeRow(41)).toEqual(exchangeRow(41));
    expect(exchangeRow(41).line).not.toBe(exchangeRow(42).line);
    expect(makeQueries(3)).toEqual(makeQueries(3));
  });

  it('are lines of a log in the order of time, in several languages', () => {
    const rows = Array.from({ length: 200 }, (_, index) => exchangeRow(index));
    expect(rows.map(({ id }) => id)).toEqual(rows.map(({ id }) => id).sort());
    expect(rows.map(({ line }) => JSON.parse(line).id)).toEqual(rows.map(({ id }) => id));
    expect(new Set(rows.map(({ language }) => language)).size).toBe(4);
  });

  it('use few words often and most words seldom', () => {
    const [commonest = '', seldom = ''] = [vocabulary('english')[0], vocabulary('english')[20_000]];
    const texts = Array.from({ length: 200 }, (_, index) => exchangeRow(index)).filter(
      ({ language }) => language === 'english',
    );
    const share = (word: string): number =>
      texts.filter(({ response }) => response.split(/\W+/).includes(word)).length / texts.length;
    expect(share(commonest)).toBeGreaterThan(0.7);
    expect(share(seldom)).toBeLessThan(0.05);
  });
});
