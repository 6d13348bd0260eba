// How many tokens of an embedder a text is. Knows no chunk and no worker.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { TokenizerSource } from '../domain/embedding.js';

/** Without those that open and close a text. */
export type TokenCounter = (text: string) => number;

/** Words whose count is remembered; most words of a text are not new. */
const MAX_KNOWN_WORDS = 50_000;
const WORD = /\s?\S+/g;

/**
 * Counts word by word, which is exact for BERT's tokenizers and near for those that also know white space.
 * @throws the system's error for a file that cannot be read.
 */
export async function openTokenCounter(source: TokenizerSource): Promise<TokenCounter> {
  if (source.kind === 'words') return text => text.match(WORD)?.length ?? 0;
  return byWord(source.kind === 'file' ? await fromFile(source.path) : await fromEncoding(source.encoding));
}

async function fromFile(file: string): Promise<TokenCounter> {
  const { Tokenizer } = await import('@huggingface/tokenizers');
  const folder = path.dirname(file);
  const [tokenizer, config] = await Promise.all([
    readFile(file, 'utf8'),
    readFile(path.join(folder, 'tokenizer_config.json'), 'utf8').catch(() => '{}'),
  ]);
  const loaded = new Tokenizer(JSON.parse(tokenizer), JSON.parse(config));
  return text => loaded.encode(text, { add_special_tokens: false }).ids.length;
}

async function fromEncoding(_encoding: 'cl100k_base'): Promise<TokenCounter> {
  const [{ Tiktoken }, { default: ranks }] = await Promise.all([
    import('js-tiktoken/lite'),
    import('js-tiktoken/ranks/cl100k_base'),
  ]);
  const encoder = new Tiktoken(ranks);
  // No special tokens: what looks like one is text.
  return text => encoder.encode(text, [], []).length;
}

function byWord(count: TokenCounter): TokenCounter {
  const known = new Map<string, number>();
  const ofWord = (word: string): number => {
    const tokens = known.get(word) ?? count(word);
    if (known.size >= MAX_KNOWN_WORDS) known.clear();
    known.set(word, tokens);
    return tokens;
  };
  return text => {
    let tokens = 0;
    for (const [word] of text.matchAll(WORD)) tokens += ofWord(word);
    return tokens;
  };
}
