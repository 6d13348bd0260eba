// Markdown as HTML, block by block, so that of a growing answer only the last block is made anew.
import { Marked } from 'marked';
import { highlight } from './highlight.js';
import { partsOf } from './long-blocks.js';
import { sanitize } from './sanitize.js';

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

const marked = new Marked({
  gfm: true,
  breaks: true,
  renderer: {
    code: ({ text, lang = '' }) => {
      const language = lang.split(/\s/)[0]?.toLowerCase() ?? '';
      const name = /^[\w+#-]{1,20}$/.test(language) ? ` class="language-${language}"` : '';
      return `<pre><code${name}>${highlight(text, language) ?? escaped(text)}</code></pre>\n`;
    },
    // HTML that a model writes is shown as it is written.
    html: ({ text }) => escaped(text),
    image: ({ text, href }) => escaped(text === '' ? href : text),
  },
});

/** The source of each block, in order; together they are the whole text. */
export function toBlocks(text: string): string[] {
  return marked.lexer(text).flatMap(partsOf);
}

/** Longer ones, such as a file in one piece, stay as they were written: their form would cost more than it tells. */
const MAX_CHARACTERS = 12_000;

export function isPlain(block: string): boolean {
  return block.length > MAX_CHARACTERS;
}

/** Of one block; what links refer to must stand in it. */
export function toHtml(block: string): string {
  return sanitize(marked.parse(block, { async: false }));
}
