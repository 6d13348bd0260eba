import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Sampling } from '../domain/generation.js';
import type { AppError } from '../errors.js';
import { readRun } from '../testing/read-run.js';
import { neverAborted, sampleRequest } from '../testing/sample-request.js';
import {
  chunk,
  DONE_RECORD,
  openStream,
  record,
  scriptedUpstream,
  streams,
  textStream,
  usageChunk,
} from '../testing/scripted-upstream.js';

const never = neverAborted();
const UNASKED = ['temperature', 'topP', 'topK', 'repetitionPenalty'] as const;

function withSampling(sampling: Partial<Sampling>, fields = {}) {
  const sample = sampleRequest('Hi');
  return { ...sample, ...fields, sampling: { ...sample.sampling, ...sampling } };
}

async function sentFor(request: ReturnType<typeof withSampling>, options = {}) {
  const { backend, server } = await scriptedUpstream(streams(textStream('a')), options);
  backend.check(request);
  const run = backend.generate(request, never);
  await readRun(run);
  const outcome = await run.settled;
  return { ...(server.requests[0] as { url: string; body: Record<string, unknown> }), outcome };
}

describe('a request to another server', () => {
  it('carries the prompt and the seed, and nothing that the client did not ask for', async () => {
    const recommended = { temperature: 0.2, topP: 0.9, topK: 50, repetitionPenalty: 1.1 };
    const { url, body, outcome } = await sentFor(
      withSampling({ ...recommended, maxTokens: 100_000, unasked: UNASKED }),
    );
    expect(url).toBe('/v1/chat/completions');
    expect(body).toEqual({
      model: 'gpt-test',
      messages: [{ role: 'user', content: 'Hi' }],
      stream: true,
      stream_options: { include_usage: true },
      seed: 7,
    });
    expect(outcome.parameters).toMatchObject({ temperature: 1, topP: 1, topK: 0, repetitionPenalty: 1 });
    expect(outcome.parameters).not.toHaveProperty('unasked');
  });

  it('carries all that the API has when it was asked for', async () => {
    const { body, outcome } = await sentFor(
      withSampling({
        unasked: ['topK', 'repetitionPenalty'],
        topK: 50,
        repetitionPenalty: 1.1,
        temperature: 0.2,
        topP: 0.5,
        maxTokens: 20,
        presencePenalty: 0.1,
        frequencyPenalty: -0.1,
        stop: ['x'],
        logprobs: 2,
        logitBias: { 5: 1 },
        constraint: { type: 'json_schema', schema: { type: 'object' } },
      }),
    );
    expect(body).toMatchObject({
      temperature: 0.2,
      top_p: 0.5,
      max_tokens: 20,
      presence_penalty: 0.1,
      frequency_penalty: -0.1,
      stop: ['x'],
      logprobs: true,
      top_logprobs: 2,
      logit_bias: { 5: 1 },
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'answer', schema: { type: 'object' }, strict: true },
      },
    });
    expect(body).not.toHaveProperty('top_k');
    expect(outcome.parameters).toMatchObject({ temperature: 0.2, topP: 0.5, topK: 0, repetitionPenalty: 1 });
  });

  it.each([
    ['top_k', withSampling({ topK: 5 })],
    ['min_p', withSampling({ minP: 0.1 })],
    ['typical_p', withSampling({ typicalP: 0.9 })],
    ['repetition_penalty', withSampling({ repetitionPenalty: 1.2 })],
    ['prompt', withSampling({}, { input: { tokenIds: [1] } })],
    ['context', withSampling({}, { input: { prompt: 'a', contextIds: [1] } })],
    ['messages', withSampling({}, { input: { messages: [], continueFinal: true } })],
    ['logprobs', withSampling({ logprobs: 1 }, { input: { prompt: 'a' } })],
    ['format', withSampling({ constraint: { type: 'json_object' } }, { input: { prompt: 'a' } })],
  ])('is refused by name where the API has no %s', async (param, request) => {
    const { backend, server } = await scriptedUpstream(streams(textStream('a')));
    expect(() => backend.check(request)).toThrow(
      expect.objectContaining({ code: 'unsupported_parameter', param }) as AppError,
    );
    expect(server.requests).toEqual([]);
  });

  it('carries further fields that the server is known to take', async () => {
    const request = withSampling({ topK: 5, minP: 0.1, repetitionPenalty: 1.2 });
    const { body, outcome } = await sentFor(request, {
      extraFields: ['top_k', 'min_p', 'repetition_penalty'],
    });
    expect(body).toMatchObject({ top_k: 5, min_p: 0.1, repetition_penalty: 1.2 });
    expect(outcome.parameters).toMatchObject({ topK: 5, repetitionPenalty: 1.2 });
  });

  it('goes to /completions with a bare prompt', async () => {
    const text = (text: string, finish_reason: string | null = null) =>
      record({ object: 'text_completion', choices: [{ index: 0, text, finish_reason }] });
    const { backend, server } = await scriptedUpstream(
      streams(text('a') + text('b', 'length') + DONE_RECORD),
    );
    const { events } = await readRun(
      backend.generate(sampleRequest('', { input: { prompt: 'Once' } }), never),
    );
    expect(server.requests).toMatchObject([{ url: '/v1/completions', body: { prompt: 'Once' } }]);
    expect(events.map(event => event.type)).toEqual(['started', 'token', 'token', 'done']);
    expect(events.at(-1)).toMatchObject({ reason: 'length' });
  });

  it('carries a conversation with its calls, and tools with the choice of one', async () => {
    const call = { id: 'c1', name: 'add', arguments: '{"a":1}' };
    const tool = { name: 'add', parameters: { type: 'object' } };
    const input = {
      messages: [
        { role: 'assistant' as const, content: '', toolCalls: [call] },
        { role: 'tool' as const, content: '2', toolCallId: 'c1', name: 'add' },
      ],
      tools: [tool],
      toolChoice: { name: 'add' },
    };
    const { body } = await sentFor(
      withSampling({ constraint: { type: 'json_schema', schema: {} } }, { input }),
    );
    expect(body).toMatchObject({
      messages: [
        {
          role: 'assistant',
          content: null,
          tool_calls: [{ id: 'c1', type: 'function', function: { name: 'add', arguments: '{"a":1}' } }],
        },
        { role: 'tool', content: '2', tool_call_id: 'c1' },
      ],
      tools: [{ type: 'function', function: tool }],
      tool_choice: { type: 'function', function: { name: 'add' } },
    });
    expect(body).not.toHaveProperty('response_format');
  });
});

describe('an answer of another server', () => {
  const logprobs = { content: [{ token: 'é', logprob: -0.5, top_logprobs: [{ token: 'e', logprob: -1 }] }] };
  const body =
    ': ping\n\n' +
    chunk({ role: 'assistant', content: '' }) +
    record({ choices: [{ index: 0, delta: { content: 'é😀' }, logprobs, finish_reason: null }] }) +
    chunk({ content: ' two' }) +
    chunk({ tool_calls: [{ index: 0, id: 'call_a', function: { name: 'add', arguments: '' } }] }) +
    chunk({ tool_calls: [{ index: 0, function: { arguments: '{"a":' } }] }) +
    chunk({ tool_calls: [{ index: 0, function: { arguments: '1}' } }] }) +
    chunk({ tool_calls: [{ index: 1, id: 'call_b', function: { name: 'now' } }] }) +
    chunk({}, 'tool_calls') +
    usageChunk({ prompt_tokens: 9, completion_tokens: 4, prompt_tokens_details: { cached_tokens: 3 } }) +
    DONE_RECORD;
  const expected = [
    { type: 'started', promptTokens: 5, cachedTokens: 0 },
    {
      type: 'token',
      text: 'é😀',
      tokens: 1,
      logprobs: [{ token: 'é', logprob: -0.5, top: [{ token: 'e', logprob: -1 }] }],
    },
    { type: 'token', text: ' two', tokens: 1 },
    { type: 'tool_call', index: 0, call: { id: 'call_a', name: 'add', arguments: '{"a":1}' } },
    { type: 'tool_call', index: 1, call: { id: 'call_b', name: 'now', arguments: '{}' } },
    {
      type: 'done',
      reason: 'stop',
      stopSequence: null,
      usage: { promptTokens: 9, cachedTokens: 3, completionTokens: 4 },
      timings: expect.any(Object),
      numerics: null,
    },
  ];

  it('becomes events, and its calls are in the text of the log', async () => {
    const { backend } = await scriptedUpstream(streams(body));
    const run = backend.generate(sampleRequest('Hi'), never);
    expect((await readRun(run)).events).toEqual(expected);
    expect(await run.settled).toMatchObject({
      status: 'completed',
      text: 'é😀 two\n<tool_call>\n{"name": "add", "arguments": {"a":1}}\n</tool_call>\n<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call>',
      usage: { promptTokens: 9 },
      numerics: null,
    });
    expect(backend.status().running).toBe(0);
  });

  it('becomes the same events however its bytes are cut', async () => {
    const bytes = Buffer.from(body.replaceAll('\n\n', '\r\n\r\n'));
    let cuts: readonly number[] = [];
    const { backend } = await scriptedUpstream(async response => {
      openStream(response).socket?.setNoDelay(true);
      const borders = [0, ...cuts, bytes.length];
      for (const [at, from] of borders.slice(0, -1).entries()) {
        response.write(bytes.subarray(from, borders[at + 1]));
        await new Promise(resolve => {
          setImmediate(resolve);
        });
      }
      response.end();
    });
    const read = async () => (await readRun(backend.generate(sampleRequest('Hi'), never))).events;
    cuts = Array.from({ length: bytes.length - 1 }, (_, at) => at + 1);
    expect(await read()).toEqual(expected);
    const some = fc.uniqueArray(fc.nat(bytes.length - 1), { maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(some, async at => {
        cuts = at.toSorted((a, b) => a - b);
        expect(await read()).toEqual(expected);
      }),
      { numRuns: 30 },
    );
  });

  it('needs no [DONE], and none of its figures', async () => {
    const { backend } = await scriptedUpstream(streams(chunk({ content: 'a' }) + chunk({}, 'length')));
    const run = backend.generate(sampleRequest('Hi'), never);
    expect((await readRun(run)).events.at(-1)).toMatchObject({
      type: 'done',
      reason: 'length',
      usage: { promptTokens: 5, completionTokens: 1 },
    });
    expect(await run.settled).toMatchObject({ status: 'completed', usage: null });
  });

  it.each([
    { prompt_tokens: 'many', completion_tokens: 1 },
    { prompt_tokens: 5, completion_tokens: -1 },
    { prompt_tokens: 0.5, completion_tokens: 1 },
    { prompt_tokens: 5, completion_tokens: 1e300 },
  ])('is estimated where its figures are none: %j', async usage => {
    const body = chunk({ content: 'a' }) + chunk({}, 'stop') + usageChunk(usage);
    const { backend } = await scriptedUpstream(streams(body));
    const run = backend.generate(sampleRequest('Hi'), never);
    expect((await readRun(run)).events.at(-1)).toMatchObject({
      usage: { promptTokens: 5, cachedTokens: 0, completionTokens: 1 },
    });
    expect(await run.settled).toMatchObject({ status: 'completed', usage: null });
  });

  it('has its end though the connection stays open', async () => {
    const { backend } = await scriptedUpstream(response => void openStream(response).write(textStream('a')));
    const run = backend.generate(sampleRequest(), never);
    expect(await readRun(run)).toMatchObject({ text: 'a', error: null });
    expect(await run.settled).toMatchObject({ status: 'completed', usage: { promptTokens: 5 } });
  });

  it('may be thought about for long without a word of it being told', async () => {
    const thoughts = Array.from({ length: 5 }, () => chunk({ reasoning_content: 'hm' }));
    const { backend } = await scriptedUpstream(
      async response => {
        openStream(response);
        for (const each of [...thoughts, textStream('a')]) {
          response.write(each);
          await new Promise(resolve => {
            setTimeout(resolve, 60);
          });
        }
        response.end();
      },
      { timeouts: { firstTokenMs: 200, tokenGapMs: 200, wholeMs: 5_000, backoffMs: 5 } },
    );
    expect(await readRun(backend.generate(sampleRequest(), never))).toMatchObject({ text: 'a', error: null });
  });
});

it('knows its model at once, estimates tokens, and has no ids', async () => {
  const { backend } = await scriptedUpstream(streams(''));
  expect(backend.status()).toMatchObject({ engine: 'openai', model: { id: 'gpt-test', digest: 'unknown' } });
  expect(await backend.tokenize({ prompt: 'four letters' }, never)).toBe(3);
  expect(await backend.tokenize({ messages: [{ role: 'user', content: '日本' }] }, never)).toBe(6);
  await expect(backend.detokenize([1], never)).rejects.toMatchObject({ code: 'unsupported_parameter' });
  expect(await backend.unload()).toBe(false);
});
