import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { tempFolder } from '../testing/temp-folder.js';
import { openTokenCounter } from './token-counter.js';

/** A tokenizer.json of BERT's kind with four words. */
const TINY = {
  version: '1.0',
  added_tokens: [],
  normalizer: {
    type: 'BertNormalizer',
    clean_text: true,
    handle_chinese_chars: true,
    strip_accents: null,
    lowercase: true,
  },
  pre_tokenizer: { type: 'BertPreTokenizer' },
  post_processor: null,
  decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
  model: {
    type: 'WordPiece',
    unk_token: '[UNK]',
    continuing_subword_prefix: '##',
    max_input_chars_per_word: 100,
    vocab: { '[UNK]': 0, ferry: 1, '##man': 2, '.': 3 },
  },
};

describe('counting tokens', () => {
  it("is by the embedder's tokenizer.json", async () => {
    const file = path.join(await tempFolder(), 'tokenizer.json');
    await writeFile(file, JSON.stringify(TINY));
    const count = await openTokenCounter({ kind: 'file', path: file });
    expect(['Ferryman.', 'a ferry', '', ' \n '].map(count)).toEqual([3, 2, 0, 0]);
  });

  it("is by OpenAI's encoding, in which no text is a special token", async () => {
    const count = await openTokenCounter({ kind: 'openai', encoding: 'cl100k_base' });
    expect(count('The quick brown fox.')).toBe(5);
    expect(count('<|endoftext|>')).toBeGreaterThan(3);
  });

  it('is by words where there is no tokenizer', async () => {
    const count = await openTokenCounter({ kind: 'words' });
    expect(['', ' \n', 'one', ' one  two\nthree '].map(count)).toEqual([0, 0, 1, 3]);
  });

  it('names the file that is missing', async () => {
    await expect(openTokenCounter({ kind: 'file', path: '/nowhere/tokenizer.json' })).rejects.toThrow(
      '/nowhere/tokenizer.json',
    );
  });
});
