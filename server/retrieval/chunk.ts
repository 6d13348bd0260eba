// A text as the stretches of it that are embedded and found: whole sentences up to a number of tokens, each stretch
// with the end of the one before. Boundaries are Unicode's (Intl.Segmenter), tokens the embedder's. Knows no document.
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { TokenCounter } from './token-counter.js';

/** Offsets in UTF-16 code units: `text.slice(start, end)` is the stretch. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface ChunkOptions {
  /** Of the embedder's tokens. */
  readonly maxTokens: number;
  /** What a chunk repeats of the one before, at most, in whole sentences. */
  readonly overlapTokens: number;
}

interface Piece extends Span {
  readonly tokens: number;
}

const LINE = /[^\n\r\u0085\u2028\u2029]+/g;
const WORD = /\S+/g;
/** Intl.Segmenter's time grows with the square of what it is given: half a minute for 700,000 characters. */
const MAX_SEGMENTED = 2_000;
/** A line of so few characters is one sentence: a million short lines would take 15 s. */
const MIN_SEGMENTED = 20;
/** A tokenizer may take any long word for one unknown token. */
const MAX_CHARACTERS_A_TOKEN = 10;
/** The most tokens that one UTF-16 code unit makes, of a tokenizer that falls back to bytes. */
const MAX_TOKENS_A_UNIT = 3;
const TURN_MS = 5;

const sentences = new Intl.Segmenter('en', { granularity: 'sentence' });

/** In order, none blank, together all of the text that is not white space. Lets others run every 5 ms. */
export async function chunkText(text: string, count: TokenCounter, options: ChunkOptions): Promise<Span[]> {
  const spans: Span[] = [];
  let pieces: Piece[] = [];
  let tokens = 0;
  let turnEndsMs = performance.now() + TURN_MS;
  const finish = (): void => {
    const [first] = pieces;
    const last = pieces.at(-1);
    if (first === undefined || last === undefined) return;
    const span = trim(text, first.start, last.end);
    if (span.start < span.end) spans.push(span);
  };
  for (const piece of piecesOf(text, count, options.maxTokens)) {
    if (tokens + piece.tokens > options.maxTokens || isTooLong(pieces, piece, options)) {
      finish();
      pieces = overlap(pieces, Math.min(options.overlapTokens, options.maxTokens - piece.tokens));
      if (isTooLong(pieces, piece, options)) pieces = [];
      tokens = pieces.reduce((sum, each) => sum + each.tokens, 0);
    }
    pieces.push(piece);
    tokens += piece.tokens;
    if (performance.now() > turnEndsMs) {
      await nextTurn();
      turnEndsMs = performance.now() + TURN_MS;
    }
  }
  finish();
  return spans;
}

function isTooLong([first]: readonly Piece[], next: Piece, { maxTokens }: ChunkOptions): boolean {
  return first !== undefined && next.end - first.start > maxTokens * MAX_CHARACTERS_A_TOKEN;
}

/** The last pieces that are so many tokens at most, never all of them. */
function overlap(pieces: readonly Piece[], maxTokens: number): Piece[] {
  let tokens = 0;
  const from = pieces.findLastIndex((piece, index) => {
    tokens += piece.tokens;
    return tokens > maxTokens || index === 0;
  });
  return pieces.slice(from + 1);
}

/** In order, at most white space between them: sentences, where too long their words, where too long pieces of these. */
function* piecesOf(text: string, count: TokenCounter, maxTokens: number): Generator<Piece> {
  const fits = (piece: Piece): boolean =>
    piece.tokens <= maxTokens && piece.end - piece.start <= maxTokens * MAX_CHARACTERS_A_TOKEN;
  const pieceOf = (start: number, end: number): Piece => ({
    start,
    end,
    tokens: Math.max(1, count(text.slice(start, end))),
  });
  const units = Math.max(1, Math.floor(maxTokens / MAX_TOKENS_A_UNIT));
  for (const { start, end } of sentencesOf(text)) {
    const sentence = pieceOf(start, end);
    if (fits(sentence)) {
      yield sentence;
      continue;
    }
    for (const { 0: letters, index } of text.slice(start, end).matchAll(WORD)) {
      const word = pieceOf(start + index, start + index + letters.length);
      if (fits(word)) {
        yield word;
        continue;
      }
      for (let from = word.start; from < word.end; ) {
        const to = endOfCut(text, from, word.end, units);
        yield pieceOf(from, to);
        from = to;
      }
    }
  }
}

function* sentencesOf(text: string): Generator<Span> {
  for (const { 0: line, index } of text.matchAll(LINE)) {
    let from = index;
    if (line.length <= MIN_SEGMENTED) {
      if (line.trim() !== '') yield { start: index, end: index + line.trimEnd().length };
      continue;
    }
    while (from < index + line.length) {
      const to = endOfCut(text, from, index + line.length, MAX_SEGMENTED);
      const found = [...sentences.segment(text.slice(from, to))];
      // The last one may go on.
      if (to < index + line.length && found.length > 1) found.pop();
      for (const { segment } of found) {
        const end = from + segment.trimEnd().length;
        if (end > from) yield { start: from, end };
        from += segment.length;
      }
    }
  }
}

/** After so many code units at most, never between the halves of a surrogate pair. */
function endOfCut(text: string, start: number, limit: number, units: number): number {
  const end = start + units;
  if (end >= limit) return limit;
  if (!/[\uDC00-\uDFFF]/.test(text.charAt(end))) return end;
  return units > 1 ? end - 1 : end + 1;
}

function trim(text: string, start: number, end: number): Span {
  const stretch = text.slice(start, end);
  const lead = stretch.length - stretch.trimStart().length;
  return { start: start + lead, end: start + lead + stretch.trim().length };
}
