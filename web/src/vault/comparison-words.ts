// How two answers to the same request compare, in words. Pure.
import type { ReplayAnswer } from '../api/history.js';
import { spellNumber } from '../ui/figures.js';

type Outcome = Pick<ReplayAnswer, 'equal' | 'compared' | 'first_difference'>;

export function spellOutcome({ equal, compared, first_difference: difference }: Outcome): string {
  const asFar = compared === 'beginning' ? ', as far as the first one came' : '';
  if (equal) return `The same text again${asFar}.`;
  if (difference === null) return `Another text${asFar}.`;
  if (difference.offset === 0) return `Another text from the first character${asFar}.`;
  return `The same for ${spellNumber(difference.offset)} characters, then another text${asFar}.`;
}

/** What must be the same for a seed to repeat its answer, and is not: one line each. */
export function spellConditions({
  other_conditions: conditions,
}: Pick<ReplayAnswer, 'other_conditions'>): string[] {
  return conditions.map(
    ({ name, original, replay }) => `${name}: ${original ?? 'not known'} then, ${replay ?? 'not known'} now`,
  );
}
