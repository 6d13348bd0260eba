// A replay on the wire: what was asked, and how the second answer compares with the first.
import { z } from 'zod';
import type { Result } from '../domain/generation.js';
import { toWireUsage, wireUsageSchema } from './wire-figures.js';

export const replayQuerySchema = z.strictObject({
  force: z
    .enum(['true', 'false'])
    .default('false')
    .transform(text => text === 'true')
    .describe('Also with another model than the one that answered.'),
});

/** Nothing is to be said: everything is the exchange's own. */
export const replayBodySchema = z.strictObject({});

const count = z.int().min(0);

export const replayAnswerSchema = z.object({
  id: z.string().describe('Of the new exchange, which is kept like any other.'),
  replay_of: z.string(),
  equal: z.boolean().describe('The same text again.'),
  compared: z
    .enum(['whole', 'beginning'])
    .describe('beginning: the first answer had been cut, and the second is compared as far as it went.'),
  note: z
    .string()
    .nullable()
    .describe('Why the same text was not to be expected; null when it came all the same.'),
  other_conditions: z
    .array(
      z.object({
        name: z.enum(['model', 'engine', 'numerics']),
        original: z.string().nullable(),
        replay: z.string().nullable(),
      }),
    )
    .describe('What must be the same for a seed to repeat its answer, and is not.'),
  first_difference: z
    .object({ offset: count, original: z.string(), replay: z.string() })
    .nullable()
    .describe('Where they part, in UTF-16 code units, and what each says there.'),
  changes: z
    .array(z.object({ type: z.enum(['same', 'removed', 'added']), text: z.string() }))
    .nullable()
    .describe('Word by word; null when they are equal, or have too little in common.'),
  response: z.string(),
  reason: z.string(),
  usage: wireUsageSchema,
});

type Answer = z.output<typeof replayAnswerSchema>;

export interface ComparedAnswers {
  readonly result: Result;
  readonly isEqual: boolean;
  readonly isOriginalCut: boolean;
  readonly otherConditions: readonly Answer['other_conditions'][number][];
  readonly firstDifference: Answer['first_difference'];
  readonly changes: readonly NonNullable<Answer['changes']>[number][] | null;
}

export function replayAnswer(compared: ComparedAnswers, ids: { id: string; original: string }): Answer {
  const { result, otherConditions, changes } = compared;
  return {
    id: ids.id,
    replay_of: ids.original,
    equal: compared.isEqual,
    compared: compared.isOriginalCut ? 'beginning' : 'whole',
    note: compared.isEqual ? null : noteOn(otherConditions, result.numerics),
    other_conditions: [...otherConditions],
    first_difference: compared.firstDifference,
    changes: changes && [...changes],
    response: result.text,
    reason: result.reason,
    usage: toWireUsage(result.usage),
  };
}

/** Another server tells no numerics, and what it fills in for parameters that were not asked for. */
function noteOn(conditions: ComparedAnswers['otherConditions'], numerics: string | null): string | null {
  if (conditions.length === 0) {
    return numerics === null
      ? 'Another server answered, which does not say what it computed in, nor with which parameters where none were asked for.'
      : null;
  }
  const named = conditions.map(
    ({ name, original, replay }) => `${name} ${original ?? 'unknown'} then, ${replay ?? 'unknown'} now`,
  );
  return `The same text was not to be expected: ${named.join('; ')}.`;
}
