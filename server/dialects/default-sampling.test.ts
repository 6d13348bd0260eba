import { describe, expect, it } from 'vitest';
import { chosenSampling, defaultSampling, RECOMMENDED, unaskedOf } from './default-sampling.js';

describe('sampling', () => {
  it('is what the model recommends when the client names nothing', () => {
    expect(defaultSampling(7)).toMatchObject({ ...RECOMMENDED, seed: 7, constraint: null });
    expect(chosenSampling({ temperature: null, topP: undefined })).toEqual(RECOMMENDED);
  });

  it.each([
    [
      { temperature: 0, topP: null },
      { temperature: 0, topP: 1 },
    ],
    [
      { temperature: undefined, topP: 0.5 },
      { temperature: 1, topP: 0.5 },
    ],
    [
      { temperature: 0.7, topP: 0.8 },
      { temperature: 0.7, topP: 0.8 },
    ],
  ])('is what the client says and nothing else when it says %j', (chosen, expected) => {
    expect(chosenSampling(chosen)).toEqual({ ...expected, topK: 0, repetitionPenalty: 1 });
  });

  it('remembers what the client did not name, and that 0 is a name', () => {
    expect(unaskedOf({ temperature: 0, topK: null })).toEqual(['topP', 'topK', 'repetitionPenalty']);
  });
});
