import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { diffWords, findFirstDifference } from './compare-answers.js';

describe('the first difference', () => {
  it.each([
    ['the same', 'the same', null],
    ['blue as the sea', 'blue as a sea', { offset: 8, original: 'the sea', replay: 'a sea' }],
    ['blue', 'blue sky', { offset: 4, original: '', replay: ' sky' }],
    ['', 'a', { offset: 0, original: '', replay: 'a' }],
    // They differ in the second half of a surrogate pair only.
    ['x👋', 'x👍', { offset: 1, original: '👋', replay: '👍' }],
  ])('of %j and %j', (original, replay, difference) => {
    expect(findFirstDifference(original, replay)).toEqual(difference);
  });

  it('is where both have said the same so far, whatever the texts', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 200 });
    fc.assert(
      fc.property(text, text, text, (start, one, other) => {
        const found = findFirstDifference(start + one, start + other);
        if (found === null) {
          expect(one).toBe(other);
          return;
        }
        const { offset, original, replay } = found;
        expect((start + one).slice(0, offset)).toBe((start + other).slice(0, offset));
        expect((start + one).slice(offset)).toContain(original);
        expect((start + other).slice(offset)).toContain(replay);
        expect(original === replay).toBe(false);
        expect([original.isWellFormed(), replay.isWellFormed()]).toEqual([true, true]);
      }),
    );
  });
});

describe('the difference word by word', () => {
  it('gives both texts back', async () => {
    const changes = await diffWords('The sky is blue.\nAlways.', 'The sea is blue.\nNearly always.');
    expect(changes).toContainEqual({ type: 'removed', text: 'sky' });
    const textOf = (type: string): string =>
      (changes ?? [])
        .map(change => (change.type === 'same' || change.type === type ? change.text : ''))
        .join('');
    expect([textOf('removed'), textOf('added')]).toEqual([
      'The sky is blue.\nAlways.',
      'The sea is blue.\nNearly always.',
    ]);
  });

  it('is given up when there is nothing in common, and lets others work meanwhile', async () => {
    const words = (letter: string): string =>
      Array.from({ length: 20_000 }, (_, index) => `${letter}${index}`).join(' | ');
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    const startedAtMs = performance.now();
    expect(await diffWords(words('a'), words('b'))).toBeNull();
    clearInterval(timer);
    expect(performance.now() - startedAtMs).toBeLessThan(3_000);
    expect(turns).toBeGreaterThan(20);
  });
});
