import { describe, expect, it } from 'vitest';
import { parseWith } from '../http/body.js';
import { refusalOf } from '../testing/refusal.js';
import { acceptedFields, refusedFields } from '../testing/schema-fields.js';
import { completionsBodySchema, toCompletionGenerations } from './openai-completions-body.js';

const generationsOf = (more: Record<string, unknown> = {}) =>
  toCompletionGenerations(parseWith(completionsBodySchema, { prompt: 'Once', ...more }), 7);
const firstOf = (more: Record<string, unknown> = {}) => generationsOf(more)[0]?.[0];

const ACTS: Readonly<Record<string, readonly [more: Record<string, unknown>, expected: object]>> = {
  prompt: [{ prompt: 'Twice' }, { input: { prompt: 'Twice' } }],
  max_tokens: [{ max_tokens: 5 }, { sampling: { maxTokens: 5 } }],
  temperature: [
    { temperature: 0.5 },
    { sampling: { temperature: 0.5, topP: 1, topK: 0, repetitionPenalty: 1 } },
  ],
  top_p: [{ top_p: 0.5 }, { sampling: { temperature: 1, topP: 0.5, topK: 0, repetitionPenalty: 1 } }],
  top_k: [{ top_k: 3 }, { sampling: { topK: 3 } }],
  min_p: [{ min_p: 0.1 }, { sampling: { minP: 0.1 } }],
  repetition_penalty: [{ repetition_penalty: 1.3 }, { sampling: { repetitionPenalty: 1.3 } }],
  presence_penalty: [{ presence_penalty: 0.5 }, { sampling: { presencePenalty: 0.5 } }],
  frequency_penalty: [{ frequency_penalty: 0.5 }, { sampling: { frequencyPenalty: 0.5 } }],
  seed: [{ seed: 11 }, { sampling: { seed: 11 } }],
  stop: [{ stop: ['a', 'b'] }, { sampling: { stop: ['a', 'b'] } }],
  logit_bias: [{ logit_bias: { 5: 1.5 } }, { sampling: { logitBias: { 5: 1.5 } } }],
  logprobs: [{ logprobs: 3 }, { sampling: { logprobs: 3 } }],
};
/** Shown where they act (below, and routes/openai-completions.test.ts). */
const ELSEWHERE = ['n', 'best_of', 'model', 'stream', 'stream_options', 'echo'];

describe('the fields of a completion', () => {
  it('are each in one of these tables', () => {
    const listed = [...Object.keys(ACTS), ...ELSEWHERE, 'user'];
    expect(acceptedFields(completionsBodySchema).toSorted()).toEqual(listed.toSorted());
    expect(refusedFields(completionsBodySchema)).toEqual(['suffix', 'documents']);
  });

  it.each(Object.entries(ACTS))('%s acts', (_, [more, expected]) => {
    expect(firstOf()).not.toMatchObject(expected);
    expect(firstOf(more)).toMatchObject(expected);
  });

  it('have OpenAI’s default of 16 tokens, and the model’s own for the rest', () => {
    expect(firstOf({ user: 'u' })?.sampling).toMatchObject({
      maxTokens: 16,
      temperature: 0.2,
      topK: 50,
      seed: 7,
    });
  });

  it.each<[unknown, object[]]>([
    ['a', [{ prompt: 'a' }]],
    [
      ['a', 'b'],
      [{ prompt: 'a' }, { prompt: 'b' }],
    ],
    [[1, 2], [{ tokenIds: [1, 2] }]],
    [
      [[1, 2], [3]],
      [{ tokenIds: [1, 2] }, { tokenIds: [3] }],
    ],
  ])('take %j as prompts, each with n choices', (prompt, inputs) => {
    const generations = generationsOf({ prompt, n: 2, best_of: 2 });
    expect(generations).toMatchObject(inputs.map(input => [{ input }, { input }]));
    for (const choices of generations) expect(choices.map(({ sampling }) => sampling.seed)).toEqual([7, 8]);
  });
});

describe('a completion is refused with the name of the field', () => {
  it.each<[Record<string, unknown>, string, string?]>([
    [{ prompt: undefined }, 'prompt'],
    [{ prompt: '' }, 'prompt'],
    [{ prompt: [] }, 'prompt'],
    [{ prompt: ['a', 1] }, 'prompt'],
    [{ prompt: [[]] }, 'prompt.0'],
    [{ prompt: [-1] }, 'prompt.0'],
    [{ prompt: Array(64).fill('x'), n: 3 }, 'n'],
    [{ suffix: 'x' }, 'suffix', 'unsupported_parameter'],
    [{ documents: true }, 'documents', 'unsupported_parameter'],
    [{ best_of: 2 }, 'best_of', 'unsupported_parameter'],
    [{ echo: true, logprobs: 0 }, 'logprobs', 'unsupported_parameter'],
    [{ logprobs: 6 }, 'logprobs'],
    [{ max_tokens: 0 }, 'max_tokens'],
    [{ stream_options: { include_usage: true } }, 'stream_options'],
  ])('%j', (more, param, code = 'invalid_request') => {
    expect(refusalOf(generationsOf, more)).toMatchObject({ status: 400, param, code });
  });
});
