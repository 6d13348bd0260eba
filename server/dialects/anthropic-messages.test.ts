import { describe, expect, it } from 'vitest';
import type { GenerationEvent, ToolCall } from '../domain/generation.js';
import { AppError } from '../errors.js';
import { collect } from '../generation/collect.js';
import { dataOf } from '../testing/read-events.js';
import {
  createMessagesEncoder,
  type MessageAnswer,
  messageAnswer,
  messageAnswerSchema,
  messageChunkSchema,
} from './anthropic-messages.js';

const context = { id: 'x1', model: 'm', requestId: 'r1', createdAt: new Date(0), maxTokens: 100 };
const call: ToolCall = { id: 'call_1', name: 'get_time', arguments: '{"zone":"UTC"}' };
const done = (more: Partial<Extract<GenerationEvent, { type: 'done' }>> = {}): GenerationEvent => ({
  type: 'done',
  reason: 'stop',
  stopSequence: null,
  usage: { promptTokens: 9, cachedTokens: 4, completionTokens: 3 },
  timings: { queueMs: 0, prefillMs: 1, decodeMs: 2 },
  numerics: 'int8',
  ...more,
});
const started: GenerationEvent = { type: 'started', promptTokens: 9, cachedTokens: 4 };
const token = (text: string): GenerationEvent => ({ type: 'token', text, tokens: 1 });
const ANSWER = [
  { type: 'queued', position: 2, estimatedWaitMs: null } as const,
  started,
  token('Grüß'),
  token(' dich 👋'),
  done(),
];

const encode = (events: readonly GenerationEvent[]): string => createMessagesEncoder(context).events(events);
async function* stream(events: readonly GenerationEvent[]) {
  yield events;
}

/** A stream put together as Anthropic's documentation tells a client to. */
function fold(text: string): MessageAnswer {
  let message: MessageAnswer | null = null;
  const json = new Map<number, string>();
  for (const chunk of dataOf(text).map(data => messageChunkSchema.parse(data))) {
    if (chunk.type === 'message_start') message = structuredClone(chunk.message);
    else if (chunk.type === 'content_block_start') message?.content.push(chunk.content_block);
    else if (chunk.type === 'content_block_delta') {
      const block = message?.content[chunk.index];
      if (chunk.delta.type === 'input_json_delta') {
        json.set(chunk.index, (json.get(chunk.index) ?? '') + chunk.delta.partial_json);
      } else if (block?.type === 'text') block.text += chunk.delta.text;
    } else if (chunk.type === 'content_block_stop') {
      const block = message?.content[chunk.index];
      if (block?.type === 'tool_use') block.input = JSON.parse(json.get(chunk.index) ?? '');
    } else if (chunk.type === 'message_delta' && message) {
      Object.assign(message, chunk.delta, { usage: chunk.usage });
    }
  }
  return messageAnswerSchema.parse(message);
}

describe('a message stream', () => {
  it('is exactly these bytes', () => {
    expect(encode(ANSWER)).toBe(
      'event: message_start\n' +
        'data: {"type":"message_start","message":{"id":"msg_x1","type":"message","role":"assistant","model":"m","content":[],' +
        '"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":5,"cache_creation_input_tokens":0,' +
        '"cache_read_input_tokens":4,"output_tokens":0}}}\n\n' +
        'event: content_block_start\n' +
        'data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":"","citations":null}}\n\n' +
        'event: content_block_delta\n' +
        'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Grüß"}}\n\n' +
        'event: content_block_delta\n' +
        'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" dich 👋"}}\n\n' +
        'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n' +
        'event: message_delta\n' +
        'data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},' +
        '"usage":{"input_tokens":5,"cache_creation_input_tokens":0,"cache_read_input_tokens":4,"output_tokens":3}}\n\n' +
        'event: message_stop\ndata: {"type":"message_stop"}\n\n',
    );
  });

  it('is the same however the events are batched', () => {
    const encoder = createMessagesEncoder(context);
    expect(ANSWER.map(event => encoder.events([event])).join('')).toBe(encode(ANSWER));
  });

  it('beats with a ping and fails with an error event, last of all', () => {
    const encoder = createMessagesEncoder(context);
    expect(encoder.heartbeat()).toBe('event: ping\ndata: {"type":"ping"}\n\n');
    expect(encoder.error(new AppError('worker_crashed', 'The worker died.'))).toBe(
      'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"The worker died."},"request_id":"r1"}\n\n',
    );
  });
});

describe('a message', () => {
  const { usage } = done() as Extract<GenerationEvent, { type: 'done' }>;
  it.each<[string, GenerationEvent[]]>([
    ['of text', ANSWER],
    ['without a word', [started, done({ usage: { ...usage, completionTokens: 0 } })]],
    ['of a tool call', [started, { type: 'tool_call', index: 0, call }, done()]],
    [
      'of text and tool calls',
      [
        started,
        token('Let me see.'),
        { type: 'tool_call', index: 0, call },
        { type: 'tool_call', index: 1, call: { ...call, id: 'call_2', arguments: '{}' } },
        done(),
      ],
    ],
    ['that ended at a stop string', [started, token('a'), done({ stopSequence: 'END' })]],
    ['that was cut', [started, token('a'), done({ reason: 'length' })]],
    ['that was cancelled before it began', [done({ reason: 'cancelled' })]],
  ])('%s is the fold of its stream', async (_, events) => {
    const whole = messageAnswer(await collect(stream(events)), context);
    expect(fold(encode(events))).toEqual(messageAnswerSchema.parse(whole));
  });

  it.each<[object, object]>([
    [{}, { stop_reason: 'end_turn', stop_sequence: null }],
    [{ stopSequence: 'END' }, { stop_reason: 'stop_sequence', stop_sequence: 'END' }],
    [{ reason: 'length' }, { stop_reason: 'model_context_window_exceeded' }],
    [{ reason: 'length', usage: { ...usage, completionTokens: 100 } }, { stop_reason: 'max_tokens' }],
  ])('tells why it ended: %j', async (end, expected) => {
    const result = await collect(stream([started, token('a'), done(end)]));
    expect(messageAnswer(result, context)).toMatchObject(expected);
  });

  it('ends for a tool when it calls one', async () => {
    const result = await collect(stream([started, { type: 'tool_call', index: 0, call }, done()]));
    expect(messageAnswer(result, context)).toMatchObject({
      content: [{ type: 'tool_use', id: 'call_1', name: 'get_time', input: { zone: 'UTC' } }],
      stop_reason: 'tool_use',
    });
  });
});
