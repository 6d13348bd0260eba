import { describe, expect, it } from 'vitest';
import type { Answer } from './calls.js';
import { toBatches, toEmbeddings } from './embed-batches.js';

const answer = (fields: Partial<Answer<'embed'>> = {}): Answer<'embed'> => ({
  type: 'embeddings',
  id: 'embed-1',
  vectors: Buffer.from(Float32Array.of(0.5, -0.25, 1, 0).buffer).toString('base64'),
  dimensions: 2,
  tokens: [4, 256],
  truncated: [false, true],
  ...fields,
});

describe('batches', () => {
  it('hold every text once, in order, and at most 64', () => {
    const inputs = Array.from({ length: 150 }, (_, n) => `text ${n}`);
    const batches = toBatches(inputs);
    expect(batches.map(batch => batch.length)).toEqual([64, 64, 22]);
    expect(batches.flat()).toEqual(inputs);
  });

  it('are small enough to be embedded in time; a text that alone is larger goes alone', () => {
    const large = 'ü'.repeat(20_000);
    const batches = toBatches(['a', large, 'b', 'c', [...Array(5_000).keys()], 'd'.repeat(30_000), 'e']);
    expect(batches.map(batch => batch.length)).toEqual([1, 1, 2, 1, 2]);
  });

  it('are none for no text', () => {
    expect(toBatches([])).toEqual([]);
  });
});

describe('an answer', () => {
  it('is a vector for each text, with its tokens and whether it was cut', () => {
    expect(toEmbeddings(answer(), 2)).toEqual([
      { vector: Float32Array.of(0.5, -0.25), tokens: 4, isTruncated: false },
      { vector: Float32Array.of(1, 0), tokens: 256, isTruncated: true },
    ]);
  });

  it.each([
    [answer(), 3],
    [answer({ dimensions: 3 }), 2],
    [answer({ tokens: [1] }), 2],
    [answer({ truncated: [] }), 2],
    [answer({ vectors: '' }), 2],
  ])('that is not whole is a fault of the worker', (broken, texts) => {
    expect(() => toEmbeddings(broken, texts)).toThrow(expect.objectContaining({ code: 'worker_error' }));
  });
});
