import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePlace, toBlocks } from './place.js';

const joined = (blocks: ReturnType<typeof toBlocks>, onlyMarked = false): string =>
  blocks
    .flat()
    .filter(({ isMarked }) => isMarked || !onlyMarked)
    .map(({ text }) => text)
    .join('');

describe('a place in an address', () => {
  it('is two offsets, the first before the second', () => {
    expect(parsePlace('0-12')).toEqual({ start: 0, end: 12 });
    for (const none of [undefined, '', '5', '5-5', '9-3', '-1-4', '1-2-3', 'a-b', '1e3-9999']) {
      expect(parsePlace(none)).toBeNull();
    }
  });
});

describe('a document in blocks', () => {
  const texts = fc
    .array(
      fc.oneof(
        fc.string({ unit: 'grapheme', maxLength: 40 }),
        fc.constant('\n'),
        fc.constant('x'.repeat(5_000)),
      ),
      {
        maxLength: 40,
      },
    )
    .map(parts => parts.join(''));

  it('is the whole of it, whatever it is, and what is marked is the place', () => {
    fc.assert(
      fc.property(texts, fc.nat(30_000), fc.integer({ min: 1, max: 9_000 }), (text, start, length) => {
        const blocks = toBlocks(text, { start, end: start + length });
        expect(joined(blocks)).toBe(text);
        expect(joined(blocks, true)).toBe(text.slice(start, start + length));
      }),
      { numRuns: 200 },
    );
  });

  it('has none that takes long to draw, and none that begins within a character', () => {
    for (const text of ['😀'.repeat(30_000), ' 😀'.repeat(30_000), `${'line of text\n'.repeat(20_000)}`]) {
      const blocks = toBlocks(text, null);
      expect(blocks.length).toBeGreaterThan(5);
      for (const [piece] of blocks) {
        expect(piece?.text.length).toBeLessThanOrEqual(8_000);
        expect(piece?.text.isWellFormed()).toBe(true);
      }
    }
  });

  it('is cut where lines end, so that the cuts are not seen', () => {
    const blocks = toBlocks('A line of text.\n'.repeat(3_000), null);
    for (const [piece] of blocks) expect(piece?.text.endsWith('\n')).toBe(true);
  });
});
