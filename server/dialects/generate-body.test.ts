import { describe, expect, it } from 'vitest';
import { AppError } from '../errors.js';
import { parseWith } from '../http/body.js';
import { generateBodySchema, toGeneration } from './generate-body.js';

function refusal(body: unknown): { message: string; param: string | undefined; detail: string | undefined } {
  try {
    parseWith(generateBodySchema, body);
  } catch (error) {
    if (error instanceof AppError)
      return { message: error.message, param: error.param, detail: error.detail };
  }
  throw new Error('was accepted');
}

describe('the body of /generate', () => {
  it('needs a prompt', () => {
    expect(refusal({})).toMatchObject({ message: 'Missing prompt', param: 'prompt' });
  });

  it.each([null, 1, true, [], {}, ['a'], '', ' ', '\n\t', '\u00a0', '\u200b\u2060'])(
    'refuses %j as a prompt',
    prompt => {
      expect(refusal({ prompt })).toMatchObject({ message: 'Invalid prompt', param: 'prompt' });
    },
  );

  it('counts 5,000 characters, not UTF-16 units', () => {
    expect(parseWith(generateBodySchema, { prompt: '👋'.repeat(5_000) }).prompt).toHaveLength(10_000);
    expect(refusal({ prompt: 'a'.repeat(5_001) })).toMatchObject({
      message: 'Invalid prompt',
      detail: 'must be at most 5000 characters',
    });
    expect(refusal({ prompt: '👋'.repeat(5_001) }).message).toBe('Invalid prompt');
  });

  it.each([
    ['max_tokens', [0, -1, 1.5, '10', null, 1e9, Number.NaN]],
    ['temperature', [-0.1, 2.1, '1', null]],
    ['top_p', [0, 1.1, -1, null]],
    ['top_k', [-1, 0.5, null]],
    ['min_p', [-0.1, 1.1, null]],
    ['repetition_penalty', [0, -1, 11, null]],
    ['presence_penalty', [-2.1, 2.1, null]],
    ['frequency_penalty', [-2.1, 2.1, null]],
    ['seed', [-1, 1.5, 2 ** 53, Number.POSITIVE_INFINITY, null]],
    ['stop', [1, [''], '', ['a', 1], Array(17).fill('x'), 'x'.repeat(257), null]],
    ['logprobs', [-1, 21, 0.5, true]],
    ['stream', [true]],
    ['Prompt', ['x']],
  ])('names %s when it is wrong', (field, values) => {
    for (const value of values) {
      const { message, param } = refusal({ prompt: 'x', [field]: value });
      expect(param?.split('.')[0]).toBe(field);
      expect(message).toContain(field);
    }
  });

  it('fills in 300 tokens and the given seed', () => {
    const { input, sampling } = toGeneration(parseWith(generateBodySchema, { prompt: 'x', stop: 'END' }), 42);
    expect(input.messages).toEqual([{ role: 'user', content: 'x' }]);
    expect(sampling).toMatchObject({ maxTokens: 300, seed: 42, stop: ['END'], logprobs: null });
  });

  it('hands every parameter down', () => {
    const body = {
      prompt: 'x',
      max_tokens: 7,
      temperature: 0.1,
      top_p: 0.2,
      top_k: 3,
      min_p: 0.4,
      repetition_penalty: 1.5,
      presence_penalty: 0.6,
      frequency_penalty: 0.7,
      seed: 8,
      stop: ['a', 'b'],
      logprobs: 9,
    };
    expect(toGeneration(parseWith(generateBodySchema, body), 1).sampling).toEqual({
      unasked: [],
      maxTokens: 7,
      temperature: 0.1,
      topP: 0.2,
      topK: 3,
      minP: 0.4,
      typicalP: 1,
      repetitionWindow: 0,
      repetitionPenalty: 1.5,
      presencePenalty: 0.6,
      frequencyPenalty: 0.7,
      seed: 8,
      stop: ['a', 'b'],
      logprobs: 9,
      logitBias: {},
      constraint: null,
    });
  });
});
