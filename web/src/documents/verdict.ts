// Whether an answer would rest on a passage, as the gateway decides it. Pure.
import type { Grounding, Passage, Passages } from '../api/documents.js';

/**
 * `beyond`: similar enough, but enough passages before it are, too. `unknown`: found by words alone, which have no similarity.
 */
export type Verdict = 'grounds' | 'beyond' | 'below' | 'unknown';

/** One for each passage, in their order. */
export function verdictsOf(passages: readonly Passage[], { threshold, top_k: most }: Grounding): Verdict[] {
  let grounding = 0;
  return passages.map(({ similarity }) => {
    if (similarity === null) return 'unknown';
    if (similarity < threshold) return 'below';
    grounding += 1;
    return grounding <= most ? 'grounds' : 'beyond';
  });
}

export const SPELLED: Readonly<Record<Verdict, string>> = {
  grounds: 'would ground an answer',
  beyond: 'similar enough, but others come first',
  below: 'not similar enough',
  unknown: 'similarity not known',
};

export function spellVerdicts(
  verdicts: readonly Verdict[],
  mode: Passages['mode'],
  { threshold }: Grounding,
): string {
  if (verdicts.length === 0) return 'No passage was found.';
  if (mode === 'text') {
    return `${countOf(verdicts.length)} found by words alone: that knows no similarity, and an answer goes by similarity.`;
  }
  const grounding = verdicts.filter(verdict => verdict === 'grounds').length;
  const needed = `similarity of at least ${threshold}`;
  if (grounding === 0) {
    return `${countOf(verdicts.length)} found, none with a ${needed}: an answer would rest on no document.`;
  }
  return `${countOf(verdicts.length)} found; an answer would rest on ${grounding} with a ${needed}.`;
}

function countOf(passages: number): string {
  return `${passages} ${passages === 1 ? 'passage' : 'passages'}`;
}
