import { describe, expect, it } from 'vitest';
import {
  clientPathSchema,
  clientQuerySchema,
  parsePoint,
  submitBodySchema,
  toGeneration,
} from './job-body.js';

const body = (fields: Record<string, unknown> = {}) =>
  submitBodySchema.parse({ prompt: 'Why?', client_id: 'me', ...fields });

describe('a submitted job', () => {
  it('rests on its context when it has one', () => {
    expect(toGeneration(body({ context: 'The sky is green.' }), 1).input.messages).toEqual([
      {
        role: 'system',
        content: 'Answer from the following text. If the answer is not in it, say so.\n\nThe sky is green.',
      },
      { role: 'user', content: 'Why?' },
    ]);
  });

  it.each(['', ' \n'])('is a bare prompt with %j as context', context => {
    expect(toGeneration(body({ context }), 1).input.messages).toEqual([{ role: 'user', content: 'Why?' }]);
    expect(toGeneration(body(), 1).input.messages).toEqual([{ role: 'user', content: 'Why?' }]);
  });

  it('may say how it is to be sampled', () => {
    expect(toGeneration(body({ temperature: 0, max_tokens: 5 }), 7).sampling).toMatchObject({
      temperature: 0,
      maxTokens: 5,
      seed: 7,
    });
  });

  it.each([
    [{ client_id: 'a b' }, 'client_id'],
    [{ client_id: '../x' }, 'client_id'],
    [{ client_id: '' }, 'client_id'],
    [{ client_id: 'x'.repeat(65) }, 'client_id'],
    [{ client_id: undefined }, 'client_id'],
    [{ prompt: ' ' }, 'prompt'],
    [{ context: 1 }, 'context'],
    [{ context: 'x'.repeat(200_001) }, 'context'],
  ])('is refused with %o', (fields, param) => {
    const { error } = submitBodySchema.safeParse({ prompt: 'Why?', client_id: 'me', ...fields });
    expect(error?.issues[0]?.path).toEqual([param]);
  });
});

describe('a client', () => {
  it.each(['a', 'A-b_9', 'x'.repeat(64)])('may be called %s', client_id => {
    expect(clientPathSchema.parse({ client_id })).toEqual({ client_id });
  });

  it('says where it stands by the id of an event', () => {
    expect(parsePoint('0192f0c1-0000:17')).toEqual({ jobId: '0192f0c1-0000', seq: 17 });
    for (const garbage of ['', '17', ':17', 'a:', 'a:-1', 'a:1:2', 'a b:1', 'a:1e3', `a:${'9'.repeat(16)}`]) {
      expect(parsePoint(garbage)).toBeNull();
      expect(clientQuerySchema.safeParse({ from: garbage }).success).toBe(false);
    }
  });

  it('cannot stand in two places', () => {
    const { error } = clientQuerySchema.safeParse({ from: 'a:1', last_event_id: 'a:2' });
    expect(error?.issues[0]?.path).toEqual(['from']);
  });
});
