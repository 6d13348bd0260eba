import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chunkText } from './chunk.js';
import { openTokenCounter } from './token-counter.js';

const words = await openTokenCounter({ kind: 'words' });
const chunk = async (text: string, maxTokens = 8, overlapTokens = 0) =>
  (await chunkText(text, words, { maxTokens, overlapTokens })).map(({ start, end }) =>
    text.slice(start, end),
  );

describe('chunking', () => {
  it('keeps sentences whole', async () => {
    const text = 'One two three four. Five six seven. Eight nine ten eleven twelve.\n\nThirteen.';
    expect(await chunk(text)).toEqual([
      'One two three four. Five six seven.',
      'Eight nine ten eleven twelve.\n\nThirteen.',
    ]);
  });

  it('repeats the last sentences of a chunk in the next, as far as they fit', async () => {
    const text = 'One two. Three four. Five six. Seven eight. Nine ten.';
    expect(await chunk(text, 6, 3)).toEqual([
      'One two. Three four. Five six.',
      'Five six. Seven eight. Nine ten.',
    ]);
  });

  it('cuts a sentence that is too long between words', async () => {
    expect(await chunk('a b c d e f g', 3)).toEqual(['a b c', 'd e f', 'g']);
  });

  it('cuts a word that is too long anywhere but in a character', async () => {
    const chunks = await chunk('😀'.repeat(30), 3);
    expect(chunks.join('')).toBe('😀'.repeat(30));
    expect(chunks.every(each => each.isWellFormed() && each.length <= 30)).toBe(true);
  });

  it('has none of a blank text', async () => {
    expect(await chunk(' \n\t\n ')).toEqual([]);
  });

  it('knows where a sentence of other scripts ends', async () => {
    expect(await chunk('これはペンです。'.repeat(4), 1)).toEqual(Array(4).fill('これはペンです。'));
  });

  const texts = fc
    .array(
      fc.oneof(
        fc.constantFrom('. ', '\n', '\n\n', ' ', '? ', '  \t', '。', '\u3000'),
        fc.string({ unit: 'grapheme', maxLength: 12 }),
        fc.lorem({ maxCount: 3, mode: 'sentences' }),
        fc.constantFrom('x'.repeat(90), '😀'.repeat(40)),
      ),
      { maxLength: 30 },
    )
    .map(parts => parts.join(''));

  it('leaves out nothing but white space, exceeds no limit and never goes back', async () => {
    await fc.assert(
      fc.asyncProperty(
        texts,
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 0, max: 20 }),
        async (text, maxTokens, overlapTokens) => {
          const spans = await chunkText(text, words, { maxTokens, overlapTokens });
          let covered = 0;
          let lastStart = -1;
          for (const { start, end } of spans) {
            const stretch = text.slice(start, end);
            expect(stretch).toBe(stretch.trim());
            expect(stretch).not.toBe('');
            expect(stretch.isWellFormed()).toBe(true);
            expect(words(stretch)).toBeLessThanOrEqual(maxTokens);
            expect(stretch.length).toBeLessThanOrEqual(maxTokens * 10);
            if (covered < start) expect(text.slice(covered, start).trim()).toBe('');
            expect(start).toBeGreaterThan(lastStart);
            expect(end).toBeGreaterThan(covered);
            if (covered > start) expect(words(text.slice(start, covered))).toBeLessThanOrEqual(overlapTokens);
            covered = end;
            lastStart = start;
          }
          expect(text.slice(covered).trim()).toBe('');
        },
      ),
      { numRuns: 200 },
    );
  });

  it.each([
    ['blanks', ' '],
    ['line breaks', '\n'],
    ['carriage returns', 'a\r'],
    ['full stops', '。'],
    ['one word', 'x'],
    ['words', 'word '],
    ['sentences', 'A sentence of five words. '],
  ])('takes a moment for a million characters of %s and lets others run meanwhile', async (_, unit) => {
    const text = unit.repeat(Math.ceil(1_000_000 / unit.length));
    let turns = 0;
    const timer = setInterval(() => {
      turns += 1;
    }, 1);
    const startMs = performance.now();
    const spans = await chunkText(text, words, { maxTokens: 200, overlapTokens: 40 });
    clearInterval(timer);
    const tookMs = performance.now() - startMs;
    expect(tookMs).toBeLessThan(5_000);
    expect(spans.length).toBeLessThan(20_000);
    if (tookMs > 200) expect(turns).toBeGreaterThan(5);
  });
});
