// Where two answers part. Knows nothing of how they came about.
import { type Change, diffWordsWithSpace } from 'diff';

/** Two answers without a word in common would take minutes. */
const DIFF_TIMEOUT_MS = 1_000;
const EXCERPT_CHARACTERS = 80;

export interface FirstDifference {
  /** UTF-16 code units from the start of both. */
  readonly offset: number;
  /** What follows there, 80 characters at most; empty where that answer has ended. */
  readonly original: string;
  readonly replay: string;
}

export interface WordChange {
  readonly type: 'same' | 'removed' | 'added';
  readonly text: string;
}

/** Null for texts that are the same. */
export function findFirstDifference(original: string, replay: string): FirstDifference | null {
  if (original === replay) return null;
  let offset = 0;
  while (offset < original.length && original[offset] === replay[offset]) offset++;
  // The second half of a surrogate pair is no place to cut.
  if (isLowSurrogate(original, offset) || isLowSurrogate(replay, offset)) offset--;
  const excerpt = (text: string): string =>
    [...text.slice(offset, offset + 2 * EXCERPT_CHARACTERS)].slice(0, EXCERPT_CHARACTERS).join('');
  return { offset, original: excerpt(original), replay: excerpt(replay) };
}

function isLowSurrogate(text: string, index: number): boolean {
  return /^[\udc00-\udfff]/.test(text.slice(index, index + 1));
}

/** Word by word; null when the answers have so little in common that it would take over a second. */
export async function diffWords(original: string, replay: string): Promise<readonly WordChange[] | null> {
  const changes = await new Promise<Change[] | undefined>(callback =>
    diffWordsWithSpace(original, replay, { timeout: DIFF_TIMEOUT_MS, callback }),
  );
  return (
    changes?.map(({ added, removed, value }) => ({
      type: added ? 'added' : removed ? 'removed' : 'same',
      text: value,
    })) ?? null
  );
}
