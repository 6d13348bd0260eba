import { Marked } from 'marked';
import { describe, expect, it } from 'vitest';
import { GrowingBlocks } from './blocks.js';
import { partsOf } from './long-blocks.js';

const marked = new Marked({ gfm: true, breaks: true });
const split = (text: string): string[] => marked.lexer(text).flatMap(partsOf);
const numbered = (count: number, line: (number: number) => string): string =>
  Array.from({ length: count }, (_, index) => line(index + 1)).join('\n');

describe('a long block', () => {
  it.each([
    ['a list', numbered(200, number => `- item ${number}`)],
    ['a list with numbers', numbered(200, number => `${number}. item`)],
    ['a list with lists in it', numbered(100, number => `- item ${number}\n  - inner\n  - another`)],
    ['a paragraph', numbered(200, number => `Line ${number} with **bold** words`)],
  ])('is several, which are read alike at every length: %s', (_, text) => {
    expect(split(text).length).toBeGreaterThan(4);
    expect(split(text).join('')).toBe(text);
    const blocks = new GrowingBlocks(split);
    for (let length = 1; length <= text.length; length += 7) {
      expect(blocks.of(text.slice(0, length))).toEqual(split(text.slice(0, length)));
    }
  });

  it('is never longer to read again than some of its parts', () => {
    let longest = 0;
    const blocks = new GrowingBlocks(text => {
      longest = Math.max(longest, text.length);
      return split(text);
    });
    const text = numbered(2_000, number => `- item ${number}`);
    for (let length = 1; length <= text.length; length += 50) blocks.of(text.slice(0, length));
    expect(longest).toBeLessThan(2_000);
  });

  it('goes on with the number that it had', () => {
    const parts = split(numbered(45, number => `${number}. item`));
    expect(parts.map(part => marked.parse(part, { async: false }).slice(0, 15))).toEqual([
      expect.stringContaining('<ol>'),
      expect.stringContaining('<ol start="21">'),
      expect.stringContaining('<ol start="41">'),
    ]);
  });

  it('is not broken before a line that would begin something else', () => {
    const text = numbered(60, number => `${1_900 + number}. year of the tale`);
    const paragraph = `It was long ago\n${text.replaceAll(/^/gm, '9')}`;
    expect(split(paragraph).every(part => marked.lexer(part)[0]?.type === 'paragraph')).toBe(true);
  });

  it('that is short stays one', () => {
    expect(split('- a\n- b\n')).toEqual(['- a\n- b\n']);
    expect(split('| a |\n|---|\n| b |')).toEqual(['| a |\n|---|\n| b |']);
  });
});
