import { describe, expect, it } from 'vitest';
import type { ChoiceEvent, GenerationEvent } from '../domain/generation.js';
import { AppError } from '../errors.js';
import { collectChoices } from '../generation/collect.js';
import { dataOf } from '../testing/read-events.js';
import {
  completionAnswer,
  completionAnswerSchema,
  completionChunkSchema,
  createCompletionEncoder,
} from './openai-completions.js';

const context = {
  id: 'x1',
  model: 'm',
  requestId: 'r1',
  createdAt: new Date(1_700_000_000_900),
  fingerprint: () => 'fp_0',
};
const HEAD =
  '"id":"cmpl-x1","object":"text_completion","created":1700000000,"model":"m","system_fingerprint":"fp_0"';
const usage = { promptTokens: 9, cachedTokens: 4, completionTokens: 3 };
const done: GenerationEvent = {
  type: 'done',
  reason: 'stop',
  stopSequence: null,
  usage,
  timings: { queueMs: 0, prefillMs: 1, decodeMs: 2 },
  numerics: 'int8',
};
const token = (text: string, ...top: [string, number][]): GenerationEvent => ({
  type: 'token',
  text,
  tokens: 1,
  logprobs: [{ token: text, logprob: -1, top: top.map(([other, logprob]) => ({ token: other, logprob })) }],
});
const of = (index: number, ...events: GenerationEvent[]): ChoiceEvent[] =>
  events.map(event => ({ type: 'choice', index, event }));
const end: ChoiceEvent = { type: 'done', usage };
const ANSWER = [
  ...of(
    0,
    { type: 'queued', position: 1, estimatedWaitMs: null },
    { type: 'started', promptTokens: 9, cachedTokens: 4 },
  ),
  ...of(0, token('👋', ['👋', -1], ['a', -2])),
  ...of(1, { type: 'token', text: 'one', tokens: 1 }, done),
  ...of(0, token(' b', ['b', -3]), done),
  end,
];

describe('a completion', () => {
  it('streams exactly these bytes', () => {
    expect(
      createCompletionEncoder(context, true).events(
        of(0, { type: 'token', text: 'a', tokens: 1 }, done).concat(end),
      ),
    ).toBe(
      `data: {${HEAD},"choices":[{"index":0,"text":"a","logprobs":null,"finish_reason":null}],"usage":null}\n\n` +
        `data: {${HEAD},"choices":[{"index":0,"text":"","logprobs":null,"finish_reason":"stop"}],"usage":null}\n\n` +
        `data: {${HEAD},"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12,"prompt_tokens_details":{"cached_tokens":4}}}\n\n` +
        'data: [DONE]\n\n',
    );
  });

  it('is the fold of its stream', async () => {
    async function* stream() {
      yield ANSWER;
    }
    const answer = completionAnswerSchema.parse(completionAnswer(await collectChoices(stream()), context));
    const records = dataOf(createCompletionEncoder(context, false).events(ANSWER));
    expect(records.pop()).toBe('[DONE]');
    const chunks = records.flatMap(record => completionChunkSchema.parse(record).choices);
    for (const choice of answer.choices) {
      const own = chunks.filter(({ index }) => index === choice.index);
      expect(own.map(({ text }) => text).join('')).toBe(choice.text);
      expect(own.map(({ finish_reason }) => finish_reason).filter(Boolean)).toEqual([choice.finish_reason]);
      const logprobs = own.flatMap(each => each.logprobs ?? []);
      expect(logprobs.flatMap(each => each.tokens)).toEqual(choice.logprobs?.tokens ?? []);
      expect(logprobs.flatMap(each => each.text_offset)).toEqual(choice.logprobs?.text_offset ?? []);
      expect(logprobs.flatMap(each => each.top_logprobs ?? [])).toEqual(choice.logprobs?.top_logprobs ?? []);
    }
    expect(answer.choices[0]?.logprobs).toEqual({
      tokens: ['👋', ' b'],
      token_logprobs: [-1, -1],
      top_logprobs: [{ '👋': -1, a: -2 }, { b: -3 }],
      text_offset: [0, 1],
    });
  });

  it('tells a failure after its first byte, then ends', () => {
    const record = createCompletionEncoder(context, false).error(new AppError('internal', 'Internal error'));
    expect(dataOf(record ?? '')).toMatchObject([{ error: { code: 'internal' } }, '[DONE]']);
  });
});
