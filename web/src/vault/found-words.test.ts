import { describe, expect, it } from 'vitest';
import type { SearchAnswer } from '../api/search.js';
import { spellFound, spellHistoryTotal, spellPlaces } from './found-words.js';

const answer = (fields: Partial<SearchAnswer>): SearchAnswer => ({
  items: [],
  total: 0,
  total_is_exact: true,
  searched_back_to: null,
  embedded: null,
  mode: 'text',
  limit: 20,
  offset: 0,
  ...fields,
});

describe('what was found, in words', () => {
  it('is one sentence when all was looked through', () => {
    expect(spellFound(answer({}))).toEqual(['Nothing was found.']);
    expect(spellFound(answer({ total: 1 }))).toEqual(['1 exchange found, the best first.']);
    expect(spellFound(answer({ total: 1_234 }))).toEqual(['1,234 exchanges found, the best first.']);
  });

  it.each([
    ['text', 'newest'],
    ['semantic', 'nearest'],
    ['hybrid', 'best'],
  ] as const)('says that there is more, and which of it is shown: %s', (mode, which) => {
    expect(spellFound(answer({ mode, total: 100, total_is_exact: false }))[0]).toBe(
      `More than 100 exchanges match; the ${which} 100 are here, the best first.`,
    );
  });

  it('says how far back was looked, and what cannot be found by meaning yet', () => {
    const told = spellFound(
      answer({ searched_back_to: '2026-03-01T10:00:00Z', embedded: { done: 5, total: 20 }, mode: 'hybrid' }),
    );
    expect(told).toHaveLength(3);
    expect(told[1]).toMatch(/back to Mar 1, 2026.*older exchanges were not searched/);
    expect(told[2]).toBe('5 of 20 exchanges can be found by meaning yet; the others follow by themselves.');
    expect(spellFound(answer({ embedded: { done: 20, total: 20 } }))).toHaveLength(1);
  });
});

describe('a page of the history, in words', () => {
  it('tells an empty vault from filters that nothing passes', () => {
    expect(spellHistoryTotal(0, false)).toBe('Nothing has been asked yet.');
    expect(spellHistoryTotal(0, true)).toBe('No exchange is like that.');
    expect(spellHistoryTotal(2, true)).toBe('2 exchanges like that, the newest first');
  });
});

it('the place of a hit names each ranking that it is in', () => {
  expect(spellPlaces({ text: 2, semantic: null })).toBe('place 2 by words');
  expect(spellPlaces({ text: 2, semantic: 1 })).toBe('place 2 by words, place 1 by meaning');
});
