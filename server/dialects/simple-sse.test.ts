import { describe, expect, it } from 'vitest';
import type { GenerationEvent } from '../domain/generation.js';
import { AppError } from '../errors.js';
import { dataOf } from '../testing/read-events.js';
import { SAMPLE_WIRE, sampleReport } from '../testing/sample-grounding.js';
import { chatAnswer, chatAnswerSchema, chatChunkSchema, createSimpleSseEncoder } from './simple-sse.js';

const context = { id: 'x1', model: 'm', requestId: 'r1', createdAt: new Date(0) };
const END = {
  reason: 'length',
  stopSequence: null,
  usage: { promptTokens: 3, cachedTokens: 1, completionTokens: 3 },
  timings: { queueMs: 0.5, prefillMs: 20, decodeMs: 40 },
  numerics: 'int8',
} as const;
const ANSWER: readonly GenerationEvent[] = [
  { type: 'queued', position: 2, estimatedWaitMs: null },
  { type: 'grounded', report: sampleReport() },
  { type: 'started', promptTokens: 3, cachedTokens: 1 },
  { type: 'token', text: 'Grüße "you"\n', tokens: 2 },
  { type: 'token', text: '👋\u2028', tokens: 1 },
  { type: 'done', ...END },
];

describe('simple-sse', () => {
  it('writes exactly these bytes', () => {
    expect(createSimpleSseEncoder(context).events(ANSWER)).toBe(
      `data: ${JSON.stringify({ content: '', ...SAMPLE_WIRE })}\n\n` +
        'data: {"content":"Grüße \\"you\\"\\n"}\n\n' +
        'data: {"content":"👋\\u2028"}\n\n' +
        'data: {"content":"","id":"x1","model":"m","done_reason":"length",' +
        '"usage":{"prompt_tokens":3,"cached_tokens":1,"completion_tokens":3}}\n\n' +
        'data: [DONE]\n\n',
    );
  });

  it('gives the same bytes however the events are batched', () => {
    const encoder = createSimpleSseEncoder(context);
    expect(ANSWER.map(event => encoder.events([event])).join('')).toBe(encoder.events(ANSWER));
  });

  it('ends a failed stream with its error and without [DONE]', () => {
    const error = new AppError('worker_crashed', 'The worker\ndied.');
    expect(createSimpleSseEncoder(context).error(error)).toBe(
      'data: {"content":"","error":{"code":"worker_crashed","message":"The worker\\ndied.","request_id":"r1"}}\n\n',
    );
  });

  it('sends what its schema says', () => {
    const encoder = createSimpleSseEncoder(context);
    const records = dataOf(encoder.events(ANSWER) + encoder.error(new AppError('internal', 'x')));
    for (const record of records.filter(each => each !== '[DONE]')) chatChunkSchema.parse(record);
    expect(records).toHaveLength(6);
  });

  it('tells in one object what the stream tells', () => {
    const result = { ...END, text: 'Grüße', toolCalls: [], logprobs: null, context: null, grounding: null };
    expect(chatAnswerSchema.parse(chatAnswer(result, context))).toEqual({
      content: 'Grüße',
      id: 'x1',
      model: 'm',
      done_reason: 'length',
      usage: { prompt_tokens: 3, cached_tokens: 1, completion_tokens: 3 },
    });
  });
});
