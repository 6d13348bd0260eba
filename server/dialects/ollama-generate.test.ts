import { describe, expect, it } from 'vitest';
import type { GenerationEvent, Result } from '../domain/generation.js';
import { AppError } from '../errors.js';
import { parseWith } from '../http/body.js';
import { SHARED_ACTS, SHARED_OF_THE_ROUTE, SHARED_REFUSED } from '../testing/ollama-tables.js';
import { refusalOf } from '../testing/refusal.js';
import { acceptedFields, refusedFields } from '../testing/schema-fields.js';
import {
  createOllamaGenerateEncoder,
  fromOllamaGenerate,
  ollamaGenerateAnswerSchema,
  ollamaGenerateBodySchema,
  ollamaGenerateChunkSchema,
  toOllamaGenerateAnswer,
  toOllamaGenerateNotice,
} from './ollama-generate.js';

const generationOf = (more: Record<string, unknown> = {}) =>
  fromOllamaGenerate(parseWith(ollamaGenerateBodySchema, { prompt: 'hello', ...more }), 7);

const ACTS = {
  ...SHARED_ACTS,
  prompt: [{ prompt: 'other' }, { input: { messages: [{ role: 'user', content: 'other' }] } }],
  system: [
    { system: 'Be brief.' },
    {
      input: {
        messages: [
          { role: 'system', content: 'Be brief.' },
          { role: 'user', content: 'hello' },
        ],
      },
    },
  ],
  context: [{ context: [1, 2] }, { input: { contextIds: [1, 2] } }],
  raw: [{ raw: true }, { input: { prompt: 'hello' } }],
} as const;
const REFUSED = {
  ...SHARED_REFUSED,
  template: ['{{ .Prompt }}', ''],
  suffix: ['the end', ''],
  images: [['aGk='], []],
  width: [64, 0],
  height: [64, 0],
  steps: [4, 0],
} as const;

describe('a field of generate', () => {
  it('is in one of these tables', () => {
    const listed = [...Object.keys(ACTS), ...SHARED_OF_THE_ROUTE];
    expect(acceptedFields(ollamaGenerateBodySchema).toSorted()).toEqual(listed.toSorted());
    expect(refusedFields(ollamaGenerateBodySchema).toSorted()).toEqual(Object.keys(REFUSED).toSorted());
  });

  it.each(Object.entries(ACTS))('%s acts', (field, [more, expected]) => {
    expect(generationOf()).not.toMatchObject(expected);
    expect(generationOf(more)).toMatchObject(expected);
    if (field !== 'prompt') expect(generationOf({ [field]: null })).toEqual(generationOf());
  });

  it.each(Object.entries(REFUSED))('%s is refused by name', (field, [asking, neutral]) => {
    expect(refusalOf(generationOf, { [field]: asking })).toMatchObject({
      code: 'unsupported_parameter',
      param: field,
    });
    for (const value of [neutral, null]) expect(generationOf({ [field]: value })).toEqual(generationOf());
  });

  it.each<[Record<string, unknown>, string]>([
    [{ raw: true, system: 'x' }, 'system'],
    [{ raw: true, context: [1] }, 'context'],
    [{ raw: true, documents: {} }, 'documents'],
    [{ top_logprobs: 3 }, 'top_logprobs'],
    [{ logprobs: true, top_logprobs: 21 }, 'top_logprobs'],
    [{ format: 'xml' }, 'format'],
    [{ keep_alive: 'soon' }, 'keep_alive'],
    [{ context: [-1] }, 'context.0'],
    [{ options: { top_k: 'many' } }, 'options.top_k'],
  ])('of %j is wrong by name', (more, param) => {
    expect(refusalOf(generationOf, more)).toMatchObject({ code: 'invalid_request', param });
  });

  it('asks for the context, but of a raw prompt', () => {
    expect(generationOf().wantsContext).toBe(true);
    expect(generationOf({ raw: true })).not.toHaveProperty('wantsContext');
    expect(generationOf({ format: 'json' }).sampling.constraint).toEqual({ type: 'json_object' });
    expect(generationOf({ format: '' }).sampling.constraint).toBeNull();
  });
});

const context = {
  id: 'x1',
  model: 'm:latest',
  requestId: 'r1',
  now: () => new Date('2026-11-21T16:00:00.250Z'),
};
const END = {
  reason: 'stop',
  stopSequence: null,
  usage: { promptTokens: 3, cachedTokens: 2, completionTokens: 2 },
  timings: { queueMs: 0.25, prefillMs: 1.5, decodeMs: 2 },
  numerics: 'int8',
} as const;
const EVENTS: readonly GenerationEvent[] = [
  { type: 'queued', position: 2, estimatedWaitMs: null },
  { type: 'started', promptTokens: 3, cachedTokens: 2 },
  { type: 'token', text: 'Hé', tokens: 1 },
  { type: 'token', text: '', tokens: 1 },
  {
    type: 'token',
    text: '\u2028"👋',
    tokens: 1,
    logprobs: [{ token: '👋', logprob: -0.5, top: [{ token: 'x', logprob: -1 }] }],
  },
  { type: 'done', ...END, context: [5, 6, 7] },
];
const START = '{"model":"m:latest","created_at":"2026-11-21T16:00:00.250Z",';
const GOLDEN = [
  `${START}"response":"Hé","done":false}\n`,
  `${START}"response":"\\u2028\\"👋","done":false,"logprobs":[{"token":"👋","logprob":-0.5,"top_logprobs":[{"token":"x","logprob":-1}]}]}\n`,
  `${START}"response":"","done":true,"done_reason":"stop","total_duration":3750000,"load_duration":250000,` +
    '"prompt_eval_count":3,"prompt_eval_duration":1500000,"eval_count":2,"eval_duration":2000000,"context":[5,6,7]}\n',
];

describe('the stream of generate', () => {
  it('is these bytes', () => {
    expect(createOllamaGenerateEncoder(context).events(EVENTS)).toBe(GOLDEN.join(''));
    const encoder = createOllamaGenerateEncoder(context);
    expect(EVENTS.map(event => encoder.events([event])).join('')).toBe(GOLDEN.join(''));
  });

  it('has only records of its schema, the heartbeat too', () => {
    const encoder = createOllamaGenerateEncoder(context);
    expect(encoder.heartbeat()).toBe(`${START}"response":"","done":false}\n`);
    for (const line of [...GOLDEN, encoder.heartbeat()]) {
      const record = JSON.parse(line);
      expect(ollamaGenerateChunkSchema.parse(record)).toEqual(record);
      expect(record).not.toHaveProperty('error');
    }
  });

  it('fails with a line that is the error and nothing else', () => {
    const { error } = createOllamaGenerateEncoder(context);
    expect(error(new AppError('worker_crashed', 'The worker died.'))).toBe('{"error":"The worker died."}\n');
    expect(error(new AppError('queue_full', '512 wait'))).toBe(
      '{"error":"server busy, please try again.  maximum pending requests exceeded"}\n',
    );
  });

  it('leaves out figures that are zero, and the context where none was asked for', () => {
    const none = { promptTokens: 0, cachedTokens: 0, completionTokens: 0 };
    const timings = { queueMs: 0, prefillMs: 0, decodeMs: 0 };
    const text = createOllamaGenerateEncoder(context).events([
      { type: 'done', ...END, reason: 'cancelled', usage: none, timings },
    ]);
    expect(text).toBe(`${START}"response":"","done":true,"done_reason":"cancelled"}\n`);
  });
});

describe('the whole answer of generate', () => {
  const result: Result = {
    ...END,
    text: 'Hé\u2028"👋',
    toolCalls: [],
    logprobs: [{ token: '👋', logprob: -0.5, top: [{ token: 'x', logprob: -1 }] }],
    context: [5, 6, 7],
    grounding: null,
  };

  it('is its stream put together', () => {
    const lines = GOLDEN.map(line => JSON.parse(line));
    const answer = toOllamaGenerateAnswer(context, result);
    expect(answer).toEqual({
      ...lines.at(-1),
      response: lines.map(line => line.response).join(''),
      logprobs: lines.flatMap(line => line.logprobs ?? []),
    });
    expect(ollamaGenerateAnswerSchema.parse(answer)).toEqual(answer);
  });

  it('to no prompt tells what became of the model', () => {
    const notice = toOllamaGenerateNotice(context, 'unload');
    expect(notice).toMatchObject({ response: '', done: true, done_reason: 'unload' });
    expect(ollamaGenerateAnswerSchema.parse(notice)).toEqual(notice);
  });
});
