import { describe, expect, it } from 'vitest';
import type { Result } from '../domain/generation.js';
import { type ComparedAnswers, replayAnswer } from './replay.js';

const RESULT: Result = {
  text: 'other',
  toolCalls: [],
  logprobs: null,
  reason: 'stop',
  stopSequence: null,
  usage: { promptTokens: 1, cachedTokens: 0, completionTokens: 1 },
  timings: { queueMs: 0, prefillMs: 1, decodeMs: 1 },
  numerics: 'int8',
  context: null,
  grounding: null,
};

function noteOf(compared: Partial<ComparedAnswers>): string | null {
  const whole = { result: RESULT, isEqual: false, isOriginalCut: false, otherConditions: [] };
  const difference = { firstDifference: { offset: 0, original: 'one', replay: 'other' }, changes: null };
  return replayAnswer({ ...whole, ...difference, ...compared }, { id: 'b', original: 'a' }).note;
}

describe('the note on a replay', () => {
  it('names what was not the same, and is none where all was', () => {
    const condition = { name: 'numerics', original: 'int8', replay: 'bfloat16' } as const;
    expect(noteOf({ otherConditions: [condition] })).toContain('numerics int8 then, bfloat16 now');
    expect(noteOf({ otherConditions: [condition], isEqual: true, firstDifference: null })).toBeNull();
    expect(noteOf({})).toBeNull();
  });

  it('says that another server promises nothing', () => {
    expect(noteOf({ result: { ...RESULT, numerics: null } })).toContain('Another server answered');
  });
});
