import { Marked } from 'marked';
import { describe, expect, it } from 'vitest';
import { GrowingBlocks } from './blocks.js';

const marked = new Marked({ gfm: true, breaks: true });
const split = (text: string): string[] => marked.lexer(text).map(({ raw }) => raw);

const ANSWER = `# A title

A paragraph with **bold**
and a second line.

- one
- two

- three, behind a blank line
  with more

1. first

   \`\`\`js
   const a = 1;
   \`\`\`

\`\`\`python
def f():

    return "a blank line is no end"
\`\`\`

| a | b |
|---|---|
| 1 | 2 |

> quoted
> further

Setext
======

The end.`;

describe('the blocks of a growing text', () => {
  it('are at every length those of the whole text read at once', () => {
    const blocks = new GrowingBlocks(split);
    for (let length = 1; length <= ANSWER.length; length++) {
      const text = ANSWER.slice(0, length);
      expect(blocks.of(text)).toEqual(split(text));
    }
  });

  it('are made anew for another text', () => {
    const blocks = new GrowingBlocks(split);
    blocks.of(ANSWER);
    expect(blocks.of('another')).toEqual(['another']);
    expect(blocks.of('')).toEqual([]);
  });

  it('cost the end alone, however long the text is', () => {
    let characters = 0;
    const blocks = new GrowingBlocks(text => {
      characters += text.length;
      return split(text);
    });
    let text = '';
    for (let line = 0; line < 500; line++) {
      text += `Paragraph ${line}.\n\n`;
      blocks.of(text);
    }
    expect(characters).toBeLessThan(500 * 100);
  });
});
