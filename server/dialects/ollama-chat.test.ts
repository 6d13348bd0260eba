import { describe, expect, it } from 'vitest';
import type { GenerationEvent, Result } from '../domain/generation.js';
import { parseWith } from '../http/body.js';
import { SHARED_ACTS, SHARED_OF_THE_ROUTE, SHARED_REFUSED } from '../testing/ollama-tables.js';
import { refusalOf } from '../testing/refusal.js';
import { acceptedFields, refusedFields } from '../testing/schema-fields.js';
import {
  createOllamaChatEncoder,
  fromOllamaChat,
  ollamaChatAnswerSchema,
  ollamaChatBodySchema,
  ollamaChatChunkSchema,
  toOllamaChatAnswer,
  toOllamaChatNotice,
} from './ollama-chat.js';

const BASE = { messages: [{ role: 'user', content: 'hello' }] };
const TOOL = {
  type: 'function',
  function: { name: 'add', description: 'The sum.', parameters: { type: 'object' } },
};

const generationOf = (more: Record<string, unknown> = {}) =>
  fromOllamaChat(parseWith(ollamaChatBodySchema, { ...BASE, ...more }), 7);
const messageOf = (message: Record<string, unknown>) =>
  generationOf({ messages: [message] }).input.messages?.[0];

const ACTS = {
  ...SHARED_ACTS,
  messages: [
    { messages: [{ role: 'system', content: 'x' }] },
    { input: { messages: [{ role: 'system', content: 'x' }] } },
  ],
  tools: [
    { tools: [TOOL] },
    { input: { tools: [{ name: 'add', description: 'The sum.', parameters: { type: 'object' } }] } },
  ],
} as const;

describe('a field of chat', () => {
  it('is in one of these tables', () => {
    const listed = [...Object.keys(ACTS), ...SHARED_OF_THE_ROUTE];
    expect(acceptedFields(ollamaChatBodySchema).toSorted()).toEqual(listed.toSorted());
    expect(refusedFields(ollamaChatBodySchema).toSorted()).toEqual(Object.keys(SHARED_REFUSED).toSorted());
  });

  it.each(Object.entries(ACTS))('%s acts', (field, [more, expected]) => {
    expect(generationOf()).not.toMatchObject(expected);
    expect(generationOf(more)).toMatchObject(expected);
    if (field !== 'messages') expect(generationOf({ [field]: null })).toEqual(generationOf());
  });

  it.each(Object.entries(SHARED_REFUSED))('%s is refused by name', (field, [asking, neutral]) => {
    expect(refusalOf(generationOf, { [field]: asking })).toMatchObject({
      code: 'unsupported_parameter',
      param: field,
    });
    for (const value of [neutral, null]) expect(generationOf({ [field]: value })).toEqual(generationOf());
  });

  it('without messages is a chat that only loads or unloads', () => {
    for (const messages of [undefined, null, []]) {
      expect(generationOf({ messages }).input).toEqual({ messages: [] });
    }
  });
});

describe('a message of chat', () => {
  it('takes over calls and their answers', () => {
    const call = { function: { name: 'add', arguments: { a: 1 } } };
    expect(
      messageOf({ role: 'assistant', content: null, tool_calls: [call, { id: 'c9', ...call }] }),
    ).toEqual({
      role: 'assistant',
      content: '',
      toolCalls: [
        { id: 'call_0', name: 'add', arguments: '{"a":1}' },
        { id: 'c9', name: 'add', arguments: '{"a":1}' },
      ],
    });
    expect(messageOf({ role: 'tool', content: '3', tool_name: 'add', tool_call_id: 'c9' })).toEqual({
      role: 'tool',
      content: '3',
      name: 'add',
      toolCallId: 'c9',
    });
  });

  it.each<[Record<string, unknown>, object]>([
    [{ images: ['aGk='] }, { code: 'unsupported_parameter', param: 'messages.0.images' }],
    [{ thinking: 'hmm' }, { code: 'unsupported_parameter', param: 'messages.0.thinking' }],
    [{ role: 'robot' }, { code: 'invalid_request', param: 'messages.0.role' }],
    [{ content: 3 }, { code: 'invalid_request', param: 'messages.0.content' }],
    [
      { tool_calls: [{ function: { name: 'a', arguments: '{}' } }] },
      { code: 'invalid_request', param: 'messages.0.tool_calls.0.function.arguments' },
    ],
  ])('with %j is refused by name', (fields, expected) => {
    expect(refusalOf(generationOf, { messages: [{ role: 'user', content: 'x', ...fields }] })).toMatchObject(
      expected,
    );
  });
});

const context = {
  id: 'x1',
  model: 'm',
  requestId: 'r1',
  now: () => new Date('2026-11-21T16:00:00.250Z'),
};
const CALL = { id: 'abc', name: 'add', arguments: '{"a":1}' };
const END = {
  reason: 'length',
  stopSequence: null,
  usage: { promptTokens: 3, cachedTokens: 0, completionTokens: 2 },
  timings: { queueMs: 0, prefillMs: 1, decodeMs: 2 },
  numerics: 'int8',
} as const;
const EVENTS: readonly GenerationEvent[] = [
  { type: 'queued', position: 0, estimatedWaitMs: null },
  { type: 'started', promptTokens: 3, cachedTokens: 0 },
  { type: 'token', text: 'So: ', tokens: 1 },
  { type: 'tool_call', index: 0, call: CALL },
  { type: 'done', ...END },
];
const START = '{"model":"m","created_at":"2026-11-21T16:00:00.250Z","message":{"role":"assistant","content":';
const GOLDEN = [
  `${START}"So: "},"done":false}\n`,
  `${START}"","tool_calls":[{"id":"abc","function":{"index":0,"name":"add","arguments":{"a":1}}}]},"done":false}\n`,
  `${START}""},"done":true,"done_reason":"length","total_duration":3000000,"prompt_eval_count":3,` +
    '"prompt_eval_duration":1000000,"eval_count":2,"eval_duration":2000000}\n',
];

describe('the stream of chat', () => {
  it('is these bytes, arguments of calls being objects', () => {
    expect(createOllamaChatEncoder(context).events(EVENTS)).toBe(GOLDEN.join(''));
  });

  it('has only records of its schema, the heartbeat too', () => {
    const heartbeat = createOllamaChatEncoder(context).heartbeat();
    expect(heartbeat).toBe(`${START}""},"done":false}\n`);
    for (const line of [...GOLDEN, heartbeat]) {
      const record = JSON.parse(line);
      expect(ollamaChatChunkSchema.parse(record)).toEqual(record);
      expect(record).not.toHaveProperty('error');
    }
  });
});

describe('the whole answer of chat', () => {
  it('is its stream put together', () => {
    const result: Result = {
      ...END,
      text: 'So: ',
      toolCalls: [CALL],
      logprobs: null,
      context: null,
      grounding: null,
    };
    const answer = toOllamaChatAnswer(context, result);
    const lines = GOLDEN.map(line => JSON.parse(line));
    expect(answer).toEqual({
      ...lines.at(-1),
      message: {
        role: 'assistant',
        content: lines.map(line => line.message.content).join(''),
        tool_calls: lines.flatMap(line => line.message.tool_calls ?? []),
      },
    });
    expect(ollamaChatAnswerSchema.parse(answer)).toEqual(answer);
  });

  it('to no message tells what became of the model', () => {
    const notice = toOllamaChatNotice(context, 'load');
    expect(notice).toMatchObject({ message: { content: '' }, done: true, done_reason: 'load' });
    expect(ollamaChatAnswerSchema.parse(notice)).toEqual(notice);
  });
});
