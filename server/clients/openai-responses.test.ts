// OpenAI's own SDK, its responses, against the gateway on the fake engine.
import OpenAI, { APIError, APIUserAbortError, NotFoundError } from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { oneByteFetch } from '../testing/one-byte-fetch.js';
import { type StartedApp, startApp } from '../testing/start-app.js';

const call = (name: string, args: object) =>
  `<tool_call>\n${JSON.stringify({ name, arguments: args })}\n</tool_call>`;

let app: StartedApp;
let client: OpenAI;
beforeAll(async () => {
  app = await startApp({
    plan: {
      tokens: 4,
      slots: 2,
      tool_format: 'hermes',
      rules: [
        { match: 'FAILS-AT-ONCE', do: 'raise', at: 0 },
        { match: 'FAILS-MIDWAY', do: 'raise', at: 2, gap_ms: 20 },
        { match: 'ENDLESS', tokens: 100_000, gap_ms: 5 },
        { match: 'SLOW', tokens: 40, gap_ms: 5 },
        { match: 'what time', text: `Let me see.\n${call('get_time', { zone: 'UTC' })}` },
      ],
    },
  });
  await app.ready();
  client = new OpenAI({ baseURL: `${app.url}/v1`, apiKey: 'none' });
});
afterAll(() => app.close());

const ask = (
  input: string,
  more: Partial<Omit<OpenAI.Responses.ResponseCreateParamsNonStreaming, 'stream'>> = {},
) => ({
  model: 'fake',
  input,
  ...more,
});
const TOOLS: OpenAI.Responses.FunctionTool[] = [
  { type: 'function', name: 'get_time', parameters: { type: 'object' }, strict: false },
];

describe('responses of the openai SDK', () => {
  it('come whole, with usage', async () => {
    const response = await client.responses.create(ask('alpha beta', { metadata: { ticket: '7' } }));
    expect(response).toMatchObject({
      object: 'response',
      status: 'completed',
      model: 'fake',
      output_text: 'alpha beta alpha beta',
      output: [{ type: 'message', role: 'assistant', status: 'completed' }],
      metadata: { ticket: '7' },
      usage: {
        input_tokens: 2,
        output_tokens: 4,
        total_tokens: 6,
        input_tokens_details: { cached_tokens: 0 },
      },
    });
    expect(response.id).toMatch(/^resp_/);
  });

  it('stream the same response, event by event', async () => {
    const types: string[] = [];
    const stream = client.responses.stream(ask('alpha beta'));
    stream.on('event', ({ type, sequence_number }) => {
      expect(sequence_number).toBe(types.length);
      types.push(type);
    });
    const streamed = await stream.finalResponse();
    expect(types).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.content_part.added',
      ...Array(4).fill('response.output_text.delta'),
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.completed',
    ]);
    expect(streamed).toMatchObject({ status: 'completed', output_text: 'alpha beta alpha beta' });
    expect(await client.responses.retrieve(streamed.id)).toMatchObject({
      output: streamed.output.map(({ id }) => ({ id })),
    });
  });

  it('stream the same when every byte comes alone', async () => {
    const slow = new OpenAI({ baseURL: `${app.url}/v1`, apiKey: 'none', fetch: oneByteFetch });
    const response = await slow.responses.stream(ask('Grüße 👋 you')).finalResponse();
    expect(response.output_text).toBe('Grüße 👋 you Grüße');
  });

  it('go on from the one before', async () => {
    const first = await client.responses.create(ask('one two', { instructions: 'be brief' }));
    const second = await client.responses.create(ask('three', { previous_response_id: first.id }));
    expect(second).toMatchObject({ previous_response_id: first.id, usage: { input_tokens: 2 + 4 + 1 } });
    expect((await app.readLog()).at(-1)).toMatchObject({
      dialect: 'openai-responses',
      input: {
        messages: [
          { role: 'user', content: 'one two' },
          { role: 'assistant', content: 'one two one two' },
          { role: 'user', content: 'three' },
        ],
      },
    });
  });

  it('call tools and take their results', async () => {
    const first = await client.responses.create(ask('what time is it?', { tools: TOOLS }));
    const [text, called] = first.output;
    expect(text).toMatchObject({ type: 'message', content: [{ text: 'Let me see.' }] });
    expect(called).toMatchObject({ type: 'function_call', name: 'get_time', arguments: '{"zone":"UTC"}' });
    if (called?.type !== 'function_call') throw new Error('no call');
    const output = { type: 'function_call_output' as const, call_id: called.call_id, output: 'noon' };
    const second = await client.responses.create({
      model: 'fake',
      tools: TOOLS,
      previous_response_id: first.id,
      input: [output, { role: 'user', content: 'thank you' }],
    });
    expect(second.output_text).toBe('thank you thank you');
    const streamed = await client.responses.stream(ask('what time is it?', { tools: TOOLS })).finalResponse();
    expect(streamed.output.map(item => ({ ...item, id: '', call_id: '' }))).toMatchObject(
      first.output.map(({ type }) => ({ type, status: 'completed' })),
    );
  });

  it('run in the background, are fetched, streamed again and end', async () => {
    const begun = await client.responses.create(ask('SLOW', { background: true }));
    expect(begun).toMatchObject({ status: 'queued', background: true, output: [] });
    const events: number[] = [];
    const again = await client.responses.retrieve(begun.id, { stream: true, starting_after: 2 });
    for await (const { sequence_number } of again) events.push(sequence_number);
    expect(events).toEqual(Array.from(events, (_, i) => i + 3));
    expect(await client.responses.retrieve(begun.id)).toMatchObject({
      status: 'completed',
      output_text: Array(40).fill('SLOW').join(' '),
    });
  });

  it('stream from the background to a client that leaves and comes back', async () => {
    const stream = await client.responses.create({ ...ask('SLOW'), background: true, stream: true });
    let id = '';
    let last = -1;
    let text = '';
    for await (const event of stream) {
      if (event.type === 'response.created') id = event.response.id;
      if (event.type === 'response.output_text.delta') text += event.delta;
      last = event.sequence_number;
      if (text.length > 20) break;
    }
    for await (const event of await client.responses.retrieve(id, { stream: true, starting_after: last })) {
      if (event.type === 'response.output_text.delta') text += event.delta;
    }
    expect(text).toBe(Array(40).fill('SLOW').join(' '));
  });

  it('are cancelled, running or waiting', async () => {
    const [running, second, waiting] = await Promise.all(
      ['ENDLESS 1', 'ENDLESS 2', 'ENDLESS 3'].map(input =>
        client.responses.create(ask(input, { background: true })),
      ),
    );
    await app.until(() => app.parts.admission.running === 2 && app.parts.admission.waiting === 1);
    for (const { id } of [waiting, running, second].filter(response => response !== undefined)) {
      expect(await client.responses.cancel(id)).toMatchObject({ status: 'cancelled', background: true });
    }
    await app.until(() => app.parts.admission.running === 0);
  });

  it('are deleted, and then no longer there', async () => {
    const { id } = await client.responses.create(ask('alpha'));
    await client.responses.delete(id);
    await expect(client.responses.retrieve(id)).rejects.toBeInstanceOf(NotFoundError);
    await expect(client.responses.create(ask('beta', { previous_response_id: id }))).rejects.toMatchObject({
      status: 404,
      param: 'previous_response_id',
    });
  });

  it('are not kept when they are not to be', async () => {
    const { id } = await client.responses.create(ask('alpha', { store: false }));
    await expect(client.responses.retrieve(id)).rejects.toMatchObject({
      status: 404,
      code: 'response_not_found',
    });
  });

  it('tell what they were asked with, a page at a time', async () => {
    const { id } = await client.responses.create({
      model: 'fake',
      input: ['one', 'two', 'three'].map(content => ({ role: 'user' as const, content })),
    });
    const texts: unknown[] = [];
    for await (const item of client.responses.inputItems.list(id, { limit: 2, order: 'asc' })) {
      texts.push(item.type === 'message' ? item.content[0] : null);
    }
    expect(texts).toEqual(['one', 'two', 'three'].map(text => ({ type: 'input_text', text })));
  });

  it('are held to a schema and parsed', async () => {
    const schema = {
      type: 'object',
      properties: { a: { type: 'string' } },
      required: ['a'],
      additionalProperties: false,
    };
    const response = await client.responses.parse(
      ask('alpha', { text: { format: { type: 'json_schema', name: 'a', schema, strict: true } } }),
    );
    expect(response.output_parsed).toEqual({ a: expect.any(String) });
  });

  it.each([
    [{ truncation: 'auto' as const }, 400, 'unsupported_parameter', 'truncation'],
    [{ model: 'gpt-9' }, 404, 'model_not_found', 'model'],
    [{ max_output_tokens: 0 }, 400, 'invalid_request', 'max_output_tokens'],
  ])('throw the error of %j and do not try again', async (more, status, code, param) => {
    const thrown = await client.responses.create(ask('alpha', more)).catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(APIError);
    expect(thrown).toMatchObject({ status, code, param });
  });

  it('throw what fails before the first byte; a stream that fails ends in response.failed', async () => {
    await expect(client.responses.create(ask('FAILS-AT-ONCE'), { maxRetries: 0 })).rejects.toMatchObject({
      status: 500,
      code: 'worker_error',
    });
    const stream = client.responses.stream(ask('FAILS-MIDWAY'));
    expect(await stream.finalResponse()).toMatchObject({
      status: 'failed',
      error: { code: 'server_error' },
      output_text: 'FAILS-MIDWAY FAILS-MIDWAY',
    });
  });

  it('cancel the generation when the client aborts', async () => {
    const stream = client.responses.stream(ask('ENDLESS'));
    stream.on('response.output_text.delta', () => stream.abort());
    await expect(stream.finalResponse()).rejects.toBeInstanceOf(APIUserAbortError);
    await app.until(() => app.parts.admission.running === 0);
    await app.until(async () => (await app.readLog()).at(-1)?.status === 'cancelled');
  });
});
