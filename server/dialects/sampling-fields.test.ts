import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { samplingFields, toSampling } from './sampling-fields.js';

const schema = z.strictObject(samplingFields);
const samplingOf = (fields: z.input<typeof schema>) => toSampling(schema.parse(fields), 42);

/** What each field does to the parameters in force; a field without a row fails the first test. */
const ACTS: Readonly<Record<string, readonly [value: unknown, effect: Record<string, unknown>]>> = {
  max_tokens: [7, { maxTokens: 7 }],
  temperature: [1.5, { temperature: 1.5 }],
  top_p: [0.5, { topP: 0.5 }],
  top_k: [3, { topK: 3 }],
  min_p: [0.4, { minP: 0.4 }],
  repetition_penalty: [1.5, { repetitionPenalty: 1.5 }],
  presence_penalty: [0.6, { presencePenalty: 0.6 }],
  frequency_penalty: [0.7, { frequencyPenalty: 0.7 }],
  seed: [8, { seed: 8 }],
  stop: ['END', { stop: ['END'] }],
};

describe('a sampling parameter', () => {
  it.each(Object.keys(samplingFields))('acts when it is named: %s', field => {
    const [value, effect] = ACTS[field] ?? [];
    const byDefault = samplingOf({});
    expect(samplingOf({ [field]: value })).toEqual({ ...byDefault, ...effect });
    expect(byDefault).not.toMatchObject(effect ?? {});
  });

  it('takes the seed that was drawn when the client has none', () => {
    expect(samplingOf({}).seed).toBe(42);
  });
});
