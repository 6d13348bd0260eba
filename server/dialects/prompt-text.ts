// The prompt of the replaced systems: one text, bounded, not blank.
import { z } from 'zod';

const MAX_PROMPT_CHARACTERS = 5_000;

/** White space, and characters that show nothing, such as a zero-width space. */
const BLANK = /^[\s\p{Cc}\p{Cf}]*$/u;

/** Counted as a reader counts them: code points, not UTF-16 units. */
function countCharacters(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

/** Messages are those of system A's contract; `detail` says more. */
export const promptSchema = z
  .string({ error: issue => (issue.input === undefined ? 'Missing prompt' : 'Invalid prompt') })
  .refine(text => !BLANK.test(text), { error: 'Invalid prompt', params: { detail: 'must not be blank' } })
  .refine(text => text.length <= MAX_PROMPT_CHARACTERS || countCharacters(text) <= MAX_PROMPT_CHARACTERS, {
    error: 'Invalid prompt',
    params: { detail: `must be at most ${MAX_PROMPT_CHARACTERS} characters` },
  });
