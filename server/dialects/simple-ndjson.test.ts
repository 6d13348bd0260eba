import { describe, expect, it } from 'vitest';
import type { GenerationEvent } from '../domain/generation.js';
import { AppError } from '../errors.js';
import { createPlainTextEncoder } from './plain-text.js';
import { createSimpleNdjsonEncoder, simpleErrorBody } from './simple-ndjson.js';

const context = { id: 'x1', model: 'm', requestId: 'r1', createdAt: new Date(0) };
const ANSWER: readonly GenerationEvent[] = [
  { type: 'queued', position: 2, estimatedWaitMs: null },
  { type: 'started', promptTokens: 3, cachedTokens: 0 },
  { type: 'token', text: 'Grüße "you"\n', tokens: 2 },
  { type: 'token', text: '👋\u2028', tokens: 1 },
  {
    type: 'done',
    reason: 'stop',
    stopSequence: null,
    usage: { promptTokens: 3, cachedTokens: 1, completionTokens: 3 },
    timings: { queueMs: 0.5, prefillMs: 20, decodeMs: 40 },
    numerics: 'int8',
  },
];

describe('simple-ndjson', () => {
  it('writes exactly these bytes for an answer that waited', () => {
    expect(createSimpleNdjsonEncoder(context).events(ANSWER)).toBe(
      '{"response":"","status":"queued","position":2,"estimated_wait_ms":null}\n' +
        '{"response":"Grüße \\"you\\"\\n"}\n' +
        '{"response":"👋\\u2028"}\n' +
        '{"response":"","done":true,"done_reason":"stop","stop_sequence":null,"id":"x1","model":"m","numerics":"int8",' +
        '"usage":{"prompt_tokens":3,"cached_tokens":1,"completion_tokens":3},' +
        '"timings":{"queue_ms":0.5,"prefill_ms":20,"decode_ms":40}}\n',
    );
  });

  it('gives the same bytes however the events are batched', () => {
    const encoder = createSimpleNdjsonEncoder(context);
    expect(ANSWER.map(event => encoder.events([event])).join('')).toBe(encoder.events(ANSWER));
  });

  it('ends a failed stream with one done line that carries the error', () => {
    const error = new AppError('worker_crashed', 'The worker died.');
    expect(createSimpleNdjsonEncoder(context).error(error)).toBe(
      '{"response":"","done":true,"done_reason":"error","id":"x1",' +
        '"error":{"code":"worker_crashed","message":"The worker died.","request_id":"r1"}}\n',
    );
  });

  it('reports log-probabilities beside the text they belong to', () => {
    const [token] = [
      {
        type: 'token',
        text: 'a',
        tokens: 1,
        logprobs: [{ token: 'a', logprob: -0.5, top: [{ token: 'b', logprob: -1 }] }],
      },
    ] as const;
    expect(createSimpleNdjsonEncoder(context).events([token])).toBe(
      '{"response":"a","logprobs":[{"token":"a","logprob":-0.5,"top_logprobs":[{"token":"b","logprob":-1}]}]}\n',
    );
  });

  it('keeps every line parseable with a string response when it beats', () => {
    expect(JSON.parse(createSimpleNdjsonEncoder(context).heartbeat())).toEqual({ response: '' });
  });

  it('names the field beside the fixed error text of system A', () => {
    const error = new AppError('invalid_request', 'Invalid prompt', {
      param: 'prompt',
      detail: 'must not be blank',
    });
    expect(simpleErrorBody(error, 'r1')).toEqual({
      error: 'Invalid prompt',
      code: 'invalid_request',
      param: 'prompt',
      detail: 'must not be blank',
      request_id: 'r1',
    });
  });
});

describe('plain-text', () => {
  it('is the text alone', () => {
    expect(createPlainTextEncoder().events(ANSWER)).toBe('Grüße "you"\n👋\u2028');
  });

  it('has no record of a failure, so the connection must break', () => {
    expect(createPlainTextEncoder().error(new AppError('internal', 'x'))).toBeNull();
  });
});
