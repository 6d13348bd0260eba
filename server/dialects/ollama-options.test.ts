import { describe, expect, it } from 'vitest';
import { parseWith } from '../http/body.js';
import { refusalOf } from '../testing/refusal.js';
import { acceptedFields, refusedFields } from '../testing/schema-fields.js';
import { ollamaOptionsSchema, toOllamaSampling } from './ollama-options.js';

const samplingOf = (options: Record<string, unknown> = {}) =>
  toOllamaSampling(parseWith(ollamaOptionsSchema, options), 7);

const ACTS: Readonly<Record<string, readonly [value: unknown, expected: object]>> = {
  temperature: [0, { temperature: 0 }],
  top_k: [7, { topK: 7 }],
  top_p: [0.5, { topP: 0.5 }],
  min_p: [0.1, { minP: 0.1 }],
  typical_p: [0.7, { typicalP: 0.7 }],
  seed: [42, { seed: 42 }],
  num_predict: [5, { maxTokens: 5 }],
  stop: [['END', '\n\n'], { stop: ['END', '\n\n'] }],
  repeat_penalty: [1.3, { repetitionPenalty: 1.3 }],
  repeat_last_n: [64, { repetitionWindow: 64 }],
  presence_penalty: [0.5, { presencePenalty: 0.5 }],
  frequency_penalty: [-0.5, { frequencyPenalty: -0.5 }],
};
/** Bounds prompt and answer together: generation/fit-context.ts. */
const ELSEWHERE = ['num_ctx'];
const WITHOUT_EFFECT: Readonly<Record<string, unknown>> = {
  num_keep: 4,
  num_batch: 512,
  num_gpu: 1,
  main_gpu: 0,
  num_thread: 2,
  draft_num_predict: 4,
  numa: true,
  low_vram: true,
  use_mmap: false,
  use_mlock: true,
};
/** What asks for something that we have not, and what asks for nothing. */
const REFUSED: Readonly<Record<string, readonly [asking: unknown, neutral: unknown]>> = {
  mirostat: [1, 0],
  mirostat_tau: [4, 5],
  mirostat_eta: [0.2, 0.1],
  tfs_z: [0.5, 1],
  penalize_newline: [false, true],
  f16_kv: [false, true],
  logits_all: [true, false],
  vocab_only: [true, false],
  embedding_only: [true, false],
};

describe('an option', () => {
  it('is in one of these tables', () => {
    const listed = [...Object.keys(ACTS), ...ELSEWHERE, ...Object.keys(WITHOUT_EFFECT)];
    expect(acceptedFields(ollamaOptionsSchema).toSorted()).toEqual(listed.toSorted());
    expect(refusedFields(ollamaOptionsSchema).toSorted()).toEqual(Object.keys(REFUSED).toSorted());
  });

  it.each(Object.entries(ACTS))('%s acts', (field, [value, expected]) => {
    expect(samplingOf()).not.toMatchObject(expected);
    const unasked = (samplingOf().unasked ?? []).filter(name => !Object.hasOwn(expected, name));
    expect(samplingOf({ [field]: value })).toEqual({ ...samplingOf(), ...expected, unasked });
    expect(samplingOf({ [field]: null })).toEqual(samplingOf());
  });

  it.each(Object.entries(WITHOUT_EFFECT))('%s is accepted and says that it has no effect', (field, value) => {
    expect(samplingOf({ [field]: value })).toEqual(samplingOf());
    expect(ollamaOptionsSchema.shape[field as 'num_gpu'].description).toContain('no effect on the answer');
  });

  it.each(Object.entries(REFUSED))('%s is refused by name', (field, [asking, neutral]) => {
    expect(refusalOf(samplingOf, { [field]: asking })).toMatchObject({
      code: 'unsupported_parameter',
      param: field,
    });
    for (const value of [neutral, null]) expect(samplingOf({ [field]: value })).toEqual(samplingOf());
  });

  it.each([
    ['num_predict', 0],
    ['num_predict', -3],
    ['top_p', 0],
    ['temperature', -1],
    ['seed', 1.5],
    ['num_ctx', 0],
    ['stop', ['']],
    ['repeat_last_n', -2],
  ])('%s of %j is wrong', (field, value) => {
    expect(refusalOf(samplingOf, { [field]: value })).toMatchObject({ code: 'invalid_request' });
    expect(refusalOf(samplingOf, { [field]: value }).param).toMatch(new RegExp(`^${field}`));
  });

  it('that is unknown is ignored, as Ollama does', () => {
    expect(samplingOf({ brand_new: 1 })).toEqual(samplingOf());
  });

  it.each<[Record<string, unknown>, object]>([
    [{ num_predict: -1 }, { maxTokens: samplingOf().maxTokens }],
    [{ num_predict: -2 }, { maxTokens: samplingOf().maxTokens }],
    [{ seed: -1 }, { seed: 7 }],
    [{ top_k: -1 }, { topK: 0 }],
    [{ repeat_last_n: -1 }, { repetitionWindow: 0, repetitionPenalty: 1.1 }],
    [
      { repeat_last_n: 0, repeat_penalty: 1.5 },
      { repetitionWindow: 0, repetitionPenalty: 1 },
    ],
    [{ stop: 'END' }, { stop: ['END'] }],
  ])('%j means what it means to Ollama', (options, expected) => {
    expect(samplingOf(options)).toMatchObject(expected);
  });

  it('that is left out is as for every format', () => {
    expect(samplingOf()).toMatchObject({ temperature: 0.2, topP: 0.9, topK: 50, repetitionPenalty: 1.1 });
  });
});
