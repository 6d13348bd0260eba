import { describe, expect, it } from 'vitest';
import type { ChoiceEvent, GenerationEvent, ToolCall } from '../domain/generation.js';
import { AppError } from '../errors.js';
import { collectChoices } from '../generation/collect.js';
import { dataOf, readEvents } from '../testing/read-events.js';
import { chatAnswer, chatAnswerSchema, chatChunkSchema, createChatEncoder } from './openai-chat.js';

const context = {
  id: 'x1',
  model: 'm',
  requestId: 'r1',
  createdAt: new Date(1_700_000_000_900),
  fingerprint: () => 'fp_0',
};
const HEAD =
  '"id":"chatcmpl-x1","created":1700000000,"model":"m","object":"chat.completion.chunk","system_fingerprint":"fp_0"';
const usage = { promptTokens: 9, cachedTokens: 4, completionTokens: 3 };
const USAGE =
  '{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12,"prompt_tokens_details":{"cached_tokens":4}}';
const call: ToolCall = { id: 'call_1', name: 'now', arguments: '{"zone":"UTC"}' };
const done = (reason: 'stop' | 'length' | 'cancelled' = 'stop'): GenerationEvent => ({
  type: 'done',
  reason,
  stopSequence: null,
  usage,
  timings: { queueMs: 0, prefillMs: 1, decodeMs: 2 },
  numerics: 'int8',
});
const started: GenerationEvent = { type: 'started', promptTokens: 9, cachedTokens: 4 };
const token = (text: string): GenerationEvent => ({ type: 'token', text, tokens: 1 });
const of = (index: number, ...events: GenerationEvent[]): ChoiceEvent[] =>
  events.map(event => ({ type: 'choice', index, event }));
const end: ChoiceEvent = { type: 'done', usage };
const ANSWER = [
  ...of(
    0,
    { type: 'queued', position: 2, estimatedWaitMs: null },
    started,
    token('Grüß'),
    token(' "dich"\u2028👋'),
    done(),
  ),
  end,
];

const encode = (events: readonly ChoiceEvent[], includesUsage = false): string =>
  createChatEncoder(context, includesUsage).events(events);

/** A stream put together as OpenAI's clients do. */
function fold(text: string) {
  const records = dataOf(text);
  expect(records.pop()).toBe('[DONE]');
  const choices = new Map<
    number,
    { content: string; calls: unknown[]; logprobs: unknown[]; reason: string | null }
  >();
  let told: unknown = null;
  for (const { choices: deltas, usage: tokens } of records.map(record => chatChunkSchema.parse(record))) {
    told = tokens ?? told;
    for (const { index, delta, logprobs, finish_reason } of deltas) {
      const choice = choices.get(index) ?? { content: '', calls: [], logprobs: [], reason: null };
      choices.set(index, choice);
      choice.content += delta.content ?? '';
      choice.calls.push(...(delta.tool_calls ?? []).map(({ index: _, ...whole }) => whole));
      choice.logprobs.push(...(logprobs?.content ?? []));
      choice.reason ??= finish_reason;
    }
  }
  return { choices: [...choices].toSorted(([a], [b]) => a - b).map(([, choice]) => choice), usage: told };
}

async function whole(events: readonly ChoiceEvent[]) {
  async function* stream() {
    yield events;
  }
  return chatAnswerSchema.parse(chatAnswer(await collectChoices(stream()), context));
}

describe('a chat stream', () => {
  it('is exactly these bytes', () => {
    expect(encode(ANSWER)).toBe(
      `data: {${HEAD},"choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]}\n\n` +
        `data: {${HEAD},"choices":[{"index":0,"delta":{"content":"Grüß"},"logprobs":null,"finish_reason":null}]}\n\n` +
        `data: {${HEAD},"choices":[{"index":0,"delta":{"content":" \\"dich\\"\\u2028👋"},"logprobs":null,"finish_reason":null}]}\n\n` +
        `data: {${HEAD},"choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]}\n\n` +
        'data: [DONE]\n\n',
    );
  });

  it('has usage in one more chunk without choices, and null in all others, when that is asked for', () => {
    expect(encode(of(0, started, done()).concat(end), true)).toBe(
      `data: {${HEAD},"choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}],"usage":null}\n\n` +
        `data: {${HEAD},"choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}],"usage":null}\n\n` +
        `data: {${HEAD},"choices":[],"usage":${USAGE}}\n\n` +
        'data: [DONE]\n\n',
    );
  });

  it('has a call of a tool in one delta, and its own reason', () => {
    const events = of(0, started, { type: 'tool_call', index: 0, call }, done());
    expect(dataOf(encode([...events, end])).slice(1, 3)).toMatchObject([
      {
        choices: [
          {
            delta: {
              tool_calls: [
                {
                  index: 0,
                  id: 'call_1',
                  type: 'function',
                  function: { name: 'now', arguments: '{"zone":"UTC"}' },
                },
              ],
            },
          },
        ],
      },
      { choices: [{ delta: {}, finish_reason: 'tool_calls' }] },
    ]);
  });

  it('is the same however the events were batched', () => {
    const encoder = createChatEncoder(context, true);
    expect(ANSWER.map(event => encoder.events([event])).join('')).toBe(encode(ANSWER, true));
  });

  it('names no event, no id and no time to come back: OpenAI’s clients would stumble', () => {
    const encoder = createChatEncoder(context, true);
    const text = encoder.events(ANSWER) + encoder.heartbeat();
    expect(text).not.toMatch(/^(?:event|id|retry):/m);
    expect(readEvents(text)).toMatchObject({ comments: ['ping'] });
  });

  it('ends after its first byte with the error, then as always', () => {
    const error = new AppError('worker_crashed', 'The worker "died".');
    expect(createChatEncoder(context, false).error(error)).toBe(
      'data: {"error":{"message":"The worker \\"died\\".","type":"server_error","param":null,"code":"worker_crashed"}}\n\n' +
        'data: [DONE]\n\n',
    );
  });

  it('begins each of several choices once', () => {
    const events = [
      ...of(1, started, token('b')),
      ...of(0, started, token('a'), done()),
      ...of(1, done()),
      end,
    ];
    const roles = dataOf(encode(events)).flatMap(record =>
      record === '[DONE]' ? [] : chatChunkSchema.parse(record).choices.filter(({ delta }) => delta.role),
    );
    expect(roles.map(({ index }) => index)).toEqual([1, 0]);
  });

  it('takes its fingerprint when it has begun, and keeps it', () => {
    let asked = 0;
    const encoder = createChatEncoder({ ...context, fingerprint: () => `fp_${++asked}` }, false);
    expect(encoder.events(of(0, { type: 'queued', position: 1, estimatedWaitMs: null }))).toBe('');
    expect(asked).toBe(0);
    const prints = dataOf(encoder.events([...of(0, started, token('a'), done()), end]));
    expect(
      new Set(prints.slice(0, -1).map(print => chatChunkSchema.parse(print).system_fingerprint)),
    ).toEqual(new Set(['fp_1']));
  });
});

describe('a chat answer', () => {
  const logprobs = [{ token: 'ü', logprob: -0.5, top: [{ token: '\uFFFD', logprob: -2 }] }];
  it.each<[string, ChoiceEvent[]]>([
    ['text', ANSWER],
    ['a text that was cut', [...of(0, started, token('a'), done('length')), end]],
    ['a text that was cancelled', [...of(0, token('a'), done('cancelled')), end]],
    ['nothing', [...of(0, started, done()), end]],
    [
      'two texts',
      [...of(1, started, token('b'), done('length')), ...of(0, started, token('a'), done()), end],
    ],
    ['calls', [...of(0, started, { type: 'tool_call', index: 0, call }, done()), end]],
    ['text and calls', [...of(0, token('a'), { type: 'tool_call', index: 0, call }, done()), end]],
    ['log-probabilities', [...of(0, { type: 'token', text: '', tokens: 1, logprobs }, done()), end]],
  ])('is the fold of its stream: %s', async (_, events) => {
    const answer = await whole(events);
    const { choices, usage: told } = fold(encode(events, true));
    expect(told).toEqual(answer.usage);
    expect(choices).toEqual(
      answer.choices.map(({ message, logprobs: all, finish_reason }) => ({
        content: message.content ?? '',
        calls: message.tool_calls ?? [],
        logprobs: all?.content ?? [],
        reason: finish_reason,
      })),
    );
  });

  it('is null where there is nothing but calls', async () => {
    const events = [...of(0, { type: 'tool_call', index: 0, call }, done()), end];
    expect((await whole(events)).choices[0]?.message.content).toBeNull();
  });

  it('tells the bytes of each token that is whole characters', async () => {
    const events = [...of(0, { type: 'token', text: 'ü', tokens: 1, logprobs }, done()), end];
    expect((await whole(events)).choices[0]?.logprobs?.content).toEqual([
      {
        token: 'ü',
        logprob: -0.5,
        bytes: [0xc3, 0xbc],
        top_logprobs: [{ token: '\uFFFD', logprob: -2, bytes: null }],
      },
    ]);
  });
});
