import { describe, expect, it } from 'vitest';
import { spellConditions, spellOutcome } from './comparison-words.js';

const difference = (offset: number) => ({ offset, original: 'a', replay: 'b' });

describe('the outcome of a replay', () => {
  it.each([
    [{ equal: true, compared: 'whole', first_difference: null }, 'The same text again.'],
    [
      { equal: true, compared: 'beginning', first_difference: null },
      'The same text again, as far as the first one came.',
    ],
    [
      { equal: false, compared: 'whole', first_difference: difference(1_500) },
      'The same for 1,500 characters, then another text.',
    ],
    [
      { equal: false, compared: 'whole', first_difference: difference(0) },
      'Another text from the first character.',
    ],
  ] as const)('is told in one sentence: %j', (outcome, sentence) => {
    expect(spellOutcome(outcome)).toBe(sentence);
  });
});

it('each condition that is not the same is told with both its sides', () => {
  expect(
    spellConditions({
      other_conditions: [
        { name: 'engine', original: 'torch', replay: 'native' },
        { name: 'numerics', original: null, replay: 'int8' },
      ],
    }),
  ).toEqual(['engine: torch then, native now', 'numerics: not known then, int8 now']);
});
