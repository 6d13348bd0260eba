// OpenAI's own SDK against the gateway on the fake engine.
import { Readable } from 'node:stream';
import OpenAI, { APIError, APIUserAbortError } from 'openai';
import { Stream } from 'openai/core/streaming';
import { zodFunction, zodResponseFormat } from 'openai/helpers/zod';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { readStream } from '../testing/read-stream.js';
import { type StartedApp, startApp } from '../testing/start-app.js';

const CALL = '<tool_call>{"name":"add","arguments":{"a":1,"b":2}}</tool_call>';

let app: StartedApp;
let client: OpenAI;
let requests = 0;
beforeAll(async () => {
  app = await startApp({
    plan: {
      tokens: 4,
      slots: 4,
      tool_format: 'hermes',
      cached_tokens: 1,
      rules: [
        { match: 'FAILS-AT-ONCE', do: 'raise', at: 0 },
        { match: 'FAILS-MIDWAY', do: 'raise', at: 2, gap_ms: 20 },
        { match: 'ENDLESS', tokens: 100_000, gap_ms: 5 },
        { match: 'LATE', prefill_ms: 200 },
        { match: 'ADD', text: `Let me see. ${CALL}` },
      ],
    },
    env: { MINIVAULT_HEARTBEAT_INTERVAL_MS: '20' },
  });
  await app.ready();
  client = new OpenAI({
    baseURL: `${app.url}/v1`,
    apiKey: 'none',
    fetch: (url, init) => {
      requests += 1;
      return fetch(url, init);
    },
  });
});
afterAll(() => app.close());

const ask = (content: string) => ({ model: 'fake', messages: [{ role: 'user' as const, content }] });
const ANSWER = 'alpha beta alpha beta';
const USAGE = {
  prompt_tokens: 2,
  completion_tokens: 4,
  total_tokens: 6,
  prompt_tokens_details: { cached_tokens: 1 },
};
const integer = { type: 'integer' } as const;
const ADD = {
  type: 'function',
  function: {
    name: 'add',
    description: 'The sum.',
    parameters: { type: 'object', properties: { a: integer, b: integer } },
  },
} as const;

describe('openai', () => {
  it('gets a whole answer with its usage', async () => {
    const answer = await client.chat.completions.create(ask('alpha beta'));
    expect(answer).toMatchObject({
      object: 'chat.completion',
      choices: [{ message: { role: 'assistant', content: ANSWER }, finish_reason: 'stop' }],
      usage: USAGE,
    });
    expect(answer._request_id).toBeTruthy();
  });

  it('streams the same answer, with usage when it asks for it', async () => {
    const stream = await client.chat.completions.create({
      ...ask('alpha beta'),
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    expect(chunks.map(({ choices: [choice] }) => choice?.delta.content ?? '').join('')).toBe(ANSWER);
    expect(chunks.filter(({ choices: [choice] }) => choice?.delta.role)).toHaveLength(1);
    expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe('stop');
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: USAGE });
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
  });

  it('reads the same from a stream however its bytes were cut', async () => {
    const body = { ...ask('Grüße 👋'), stream: true, max_tokens: 2, stream_options: { include_usage: true } };
    const { chunks: raw } = await readStream(`${app.url}/v1/chat/completions`, { body });
    const bytes = Buffer.concat(raw);
    const read = async (...pieces: readonly Buffer[]) => {
      const response = new Response(Readable.toWeb(Readable.from(pieces)) as ReadableStream);
      const chunks = [];
      for await (const chunk of Stream.fromSSEResponse(response, new AbortController())) chunks.push(chunk);
      return chunks;
    };
    const whole = await read(bytes);
    expect(whole).toHaveLength(5);
    for (let cut = 1; cut < bytes.length; cut++) {
      expect(await read(bytes.subarray(0, cut), bytes.subarray(cut))).toEqual(whole);
    }
  });

  it('puts a stream together to what it gets whole, in several choices', async () => {
    const stream = client.chat.completions.stream({
      ...ask('alpha beta'),
      n: 3,
      logprobs: true,
      top_logprobs: 2,
    });
    const streamed = await stream.finalChatCompletion();
    const whole = await client.chat.completions.create({
      ...ask('alpha beta'),
      n: 3,
      logprobs: true,
      top_logprobs: 2,
    });
    expect(streamed.choices.map(({ message }) => message.content)).toEqual([ANSWER, ANSWER, ANSWER]);
    expect(streamed.choices.map(({ logprobs }) => logprobs?.content)).toEqual(
      whole.choices.map(({ logprobs }) => logprobs?.content),
    );
    expect(whole.choices[0]?.logprobs?.content).toHaveLength(4);
    expect(whole.choices[0]?.logprobs?.content?.[0]?.top_logprobs).toHaveLength(2);
  });

  it('is not troubled by heartbeats', async () => {
    const stream = await client.chat.completions.create({ ...ask('LATE'), stream: true });
    let text = '';
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
    expect(text).toBe('LATE LATE LATE LATE');
  });

  it('parses what it has a schema for', async () => {
    const place = z.object({ name: z.string(), people: z.int(), kind: z.enum(['town', 'city']) });
    const request = { ...ask('alpha'), response_format: zodResponseFormat(place, 'place') };
    const { choices } = await client.chat.completions.parse(request);
    expect(place.parse(choices[0]?.message.parsed)).toBeTruthy();
    const streamed = await client.chat.completions.stream(request).finalChatCompletion();
    expect(streamed.choices[0]?.message.parsed).toEqual(choices[0]?.message.parsed);
  });

  it('runs the tools that are called, whole and streamed', async () => {
    const given: unknown[] = [];
    const add = (text: string): string => {
      const numbers = JSON.parse(text) as { a: number; b: number };
      given.push(numbers);
      return String(numbers.a + numbers.b);
    };
    const tools = [{ type: 'function' as const, function: { ...ADD.function, function: add } }];
    const once = { maxChatCompletions: 1 };
    for (const runner of [
      client.chat.completions.runTools({ ...ask('ADD'), tools }, once),
      client.chat.completions.runTools({ ...ask('ADD'), tools, stream: true }, once),
    ]) {
      await runner.done();
      expect(runner.messages.at(-2)).toMatchObject({
        role: 'assistant',
        content: 'Let me see.',
        tool_calls: [{ type: 'function', function: { name: 'add', arguments: '{"a":1,"b":2}' } }],
      });
      expect(runner.messages.at(-1)).toMatchObject({ role: 'tool', content: '3' });
    }
    expect(given).toEqual([
      { a: 1, b: 2 },
      { a: 1, b: 2 },
    ]);
  });

  it('sends the results of tools back', async () => {
    const first = await client.chat.completions.create({ ...ask('ADD'), tools: [ADD] });
    const message = first.choices[0]?.message;
    expect(first.choices[0]?.finish_reason).toBe('tool_calls');
    if (!message?.tool_calls?.[0]) throw new Error('no call');
    const last = await client.chat.completions.create({
      model: 'fake',
      tools: [ADD],
      messages: [
        { role: 'user', content: 'ADD' },
        message,
        { role: 'tool', tool_call_id: message.tool_calls[0].id, content: '3' },
        { role: 'user', content: 'alpha beta' },
      ],
    });
    expect(last.choices[0]?.message.content).toBe(ANSWER);
  });

  it('holds the arguments to their schema where a call is required', async () => {
    const tools = [zodFunction({ name: 'add', parameters: z.object({ a: z.int(), b: z.int() }) })];
    const { choices } = await client.chat.completions.parse({
      ...ask('alpha'),
      tools,
      tool_choice: 'required',
    });
    expect(choices[0]?.message.tool_calls?.[0]?.function.parsed_arguments).toEqual({
      a: expect.any(Number),
      b: expect.any(Number),
    });
  });

  it('completes texts and tokens', async () => {
    const whole = await client.completions.create({
      model: 'fake',
      prompt: ['alpha beta', 'gamma'],
      logprobs: 1,
    });
    expect(whole.choices.map(({ text }) => text)).toEqual([ANSWER, 'gamma gamma gamma gamma']);
    expect(whole.choices[0]?.logprobs?.tokens).toHaveLength(4);
    const stream = await client.completions.create({ model: 'fake', prompt: 'alpha beta', stream: true });
    let text = '';
    for await (const { choices } of stream) text += choices[0]?.text ?? '';
    expect(text).toBe(ANSWER);
    const byId = await client.completions.create({ model: 'fake', prompt: [1, 2, 3], echo: true });
    expect(byId.choices[0]?.text).not.toBe('');
  });

  it('lists and retrieves models', async () => {
    const [first] = (await client.models.list()).data;
    expect(first).toMatchObject({ id: 'fake', object: 'model' });
    expect(await client.models.retrieve('fake')).toEqual(first);
    await expect(client.models.retrieve('org/other:7b')).rejects.toMatchObject({ code: 'model_not_found' });
  });

  it.each([
    [{ top_logprobs: 3 }, 400, 'invalid_request', 'top_logprobs'],
    [{ modalities: ['audio'] }, 400, 'unsupported_parameter', 'modalities'],
    [{ model: 'gpt-4o' }, 404, 'model_not_found', 'model'],
    [{ messages: [{ role: 'user' as const, content: 'FAILS-AT-ONCE' }] }, 500, 'worker_error', null],
  ])('throws the error of %j and does not try again', async (more, status, code, param) => {
    requests = 0;
    const asked = client.chat.completions.create({ ...ask('alpha'), ...more } as ReturnType<typeof ask>);
    const thrown = await asked.catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(APIError);
    expect(thrown).toMatchObject({ status, code, param });
    expect(requests).toBe(1);
  });

  it('throws an error that comes after the first byte', async () => {
    const stream = await client.chat.completions.create({ ...ask('FAILS-MIDWAY'), stream: true });
    let text = '';
    const read = async (): Promise<void> => {
      for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
    };
    const thrown = await read().catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(APIError);
    expect(thrown).toMatchObject({ code: 'worker_error', type: 'server_error' });
    expect(text).toBe('FAILS-MIDWAY FAILS-MIDWAY');
  });

  it('cancels what it leaves', async () => {
    const stream = client.chat.completions.stream(ask('ENDLESS talk'));
    await new Promise(resolve => stream.once('content', resolve));
    stream.abort();
    await expect(stream.done()).rejects.toThrow(APIUserAbortError);
    const left = new AbortController();
    const whole = client.chat.completions.create(ask('ENDLESS'), { signal: left.signal });
    await app.until(() => app.parts.worker.status().running === 1);
    left.abort();
    await expect(whole).rejects.toThrow(APIUserAbortError);
    await app.until(() => app.parts.worker.status().running === 0);
  });
});
