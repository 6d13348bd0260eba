// The blocks of a text that grows: what stands before its last blocks is not read again, so that a long answer costs no
// more per token than a short one.

/** How many blocks at the end may still change when text is appended: a list may go on behind a blank line. */
const UNSETTLED = 3;

export class GrowingBlocks {
  readonly #split: (text: string) => string[];
  #text = '';
  #blocks: readonly string[] = [];

  /** @param split gives the source of each block; together they are the whole text */
  constructor(split: (text: string) => string[]) {
    this.#split = split;
  }

  /** The blocks of the text; those that are the same as before are the same strings. */
  of(text: string): readonly string[] {
    if (text === this.#text) return this.#blocks;
    const settled = text.startsWith(this.#text) ? this.#blocks.slice(0, -UNSETTLED) : [];
    const from = settled.reduce((length, block) => length + block.length, 0);
    this.#blocks = [...settled, ...this.#split(text.slice(from))];
    this.#text = text;
    return this.#blocks;
  }
}
