// Anthropic's own SDK against the gateway on the fake engine.
import Anthropic, { APIError, APIUserAbortError } from '@anthropic-ai/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { oneByteFetch } from '../testing/one-byte-fetch.js';
import { type StartedApp, startApp } from '../testing/start-app.js';

const callOf = (name: string, args: object) =>
  `<tool_call>\n${JSON.stringify({ name, arguments: args })}\n</tool_call>\n`;

let app: StartedApp;
let client: Anthropic;
beforeAll(async () => {
  app = await startApp({
    plan: {
      tokens: 4,
      tool_format: 'hermes',
      rules: [
        { match: 'FAILS-AT-ONCE', do: 'raise', at: 0 },
        { match: 'FAILS-MIDWAY', do: 'raise', at: 2, gap_ms: 20 },
        {
          match: 'what time',
          text: `Let me see.\n${callOf('get_time', { zone: 'UTC' })}${callOf('get_date', {})}`,
        },
        { match: 'ENDLESS', tokens: 100_000, gap_ms: 5 },
      ],
    },
  });
  await app.ready();
  client = new Anthropic({ baseURL: app.url, apiKey: 'none' });
});
afterAll(() => app.close());

const TOOLS: Anthropic.Tool[] = ['get_time', 'get_date'].map(name => ({
  name,
  input_schema: { type: 'object' },
}));

const ask = (content: string, more: Partial<Anthropic.MessageCreateParamsNonStreaming> = {}) => ({
  model: 'fake',
  max_tokens: 100,
  messages: [{ role: 'user' as const, content }],
  ...more,
});

describe('@anthropic-ai/sdk', () => {
  it('gets a whole message with its usage', async () => {
    const message = await client.messages.create(ask('alpha beta'));
    expect(message).toMatchObject({
      type: 'message',
      role: 'assistant',
      model: 'fake',
      content: [{ type: 'text', text: 'alpha beta alpha beta' }],
      stop_reason: 'end_turn',
      stop_sequence: null,
      usage: { input_tokens: 2, cache_read_input_tokens: 0, output_tokens: 4 },
    });
    expect(message.id).toMatch(/^msg_/);
    expect(message._request_id).toBeTruthy();
  });

  it('streams the same message', async () => {
    const texts: string[] = [];
    const stream = client.messages.stream(ask('alpha beta')).on('text', text => texts.push(text));
    const { id: _, ...streamed } = await stream.finalMessage();
    const { id: __, ...whole } = await client.messages.create(ask('alpha beta'));
    expect(streamed).toMatchObject(whole);
    expect(texts).toEqual(['alpha', ' beta', ' alpha', ' beta']);
    expect(stream.request_id).toBeTruthy();
  });

  it('streams the same when every byte comes alone', async () => {
    const slow = new Anthropic({ baseURL: app.url, apiKey: 'none', fetch: oneByteFetch });
    const message = await slow.messages.stream(ask('Grüße 👋 you')).finalMessage();
    expect(message.content).toMatchObject([{ text: 'Grüße 👋 you Grüße' }]);
  });

  it('gets the calls of tools, whole and streamed, and sends their results back', async () => {
    const whole = await client.messages.create(ask('what time is it?', { tools: TOOLS }));
    expect(whole).toMatchObject({
      content: [
        { type: 'text', text: 'Let me see.' },
        { type: 'tool_use', name: 'get_time', input: { zone: 'UTC' } },
        { type: 'tool_use', name: 'get_date', input: {} },
      ],
      stop_reason: 'tool_use',
    });
    const streamed = await client.messages.stream(ask('what time is it?', { tools: TOOLS })).finalMessage();
    expect(streamed.content.map(block => ({ ...block, id: '' }))).toEqual(
      whole.content.map(block => ({ ...block, id: '' })),
    );
    const calls = whole.content.filter(block => block.type === 'tool_use');
    const results = calls.map(({ id }) => ({
      type: 'tool_result' as const,
      tool_use_id: id,
      content: 'noon',
    }));
    const messages: Anthropic.MessageParam[] = [
      { role: 'user', content: 'what time is it?' },
      { role: 'assistant', content: whole.content },
      { role: 'user', content: [...results, { type: 'text', text: 'thank you' }] },
    ];
    const answer = await client.messages.create(ask('', { messages, tools: TOOLS }));
    expect(answer.content).toMatchObject([{ type: 'text', text: 'thank you thank you' }]);
  });

  it('gets one call alone when it asks for one', async () => {
    const { content } = await client.messages.create(
      ask('what time is it?', {
        tools: TOOLS,
        tool_choice: { type: 'auto', disable_parallel_tool_use: true },
      }),
    );
    expect(content.map(({ type }) => type)).toEqual(['text', 'tool_use']);
  });

  it('makes the model call the tool that it names', async () => {
    const { content, stop_reason } = await client.messages.create(
      ask('alpha', { tools: TOOLS, tool_choice: { type: 'tool', name: 'get_date' } }),
    );
    expect(content).toMatchObject([{ type: 'tool_use', name: 'get_date', input: {} }]);
    expect(stop_reason).toBe('tool_use');
  });

  it('counts tokens', async () => {
    const { input_tokens } = await client.messages.countTokens({
      model: 'fake',
      system: 'be brief',
      messages: [{ role: 'user', content: 'one two three' }],
    });
    expect(input_tokens).toBe(5);
  });

  it.each([
    [{ max_tokens: 0 }, 400, 'invalid_request_error', /max_tokens/],
    [
      { thinking: { type: 'enabled', budget_tokens: 1024 } as const },
      400,
      'invalid_request_error',
      /thinking/,
    ],
    [{ model: 'claude-opus-5' }, 404, 'not_found_error', /claude-opus-5/],
  ])('throws the error of %j and does not try again', async (more, status, type, message) => {
    const thrown = await client.messages.create(ask('alpha', more)).catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(APIError);
    expect(thrown).toMatchObject({ status, type, message: expect.stringMatching(message) });
    expect(thrown).toHaveProperty('requestID', expect.any(String));
  });

  it('throws what fails before the first byte', async () => {
    await expect(client.messages.create(ask('FAILS-AT-ONCE'), { maxRetries: 0 })).rejects.toMatchObject({
      status: 500,
      type: 'api_error',
    });
  });

  it('throws what fails after the first byte, and keeps the text that came', async () => {
    const stream = client.messages.stream(ask('FAILS-MIDWAY'));
    let text = '';
    stream.on('text', piece => {
      text += piece;
    });
    await expect(stream.finalMessage()).rejects.toMatchObject({ type: 'api_error' });
    expect(text).toBe('FAILS-MIDWAY FAILS-MIDWAY');
  });

  it('cancels the generation when it aborts', async () => {
    const stream = client.messages.stream(ask('ENDLESS', { max_tokens: 100_000 }));
    stream.on('text', () => stream.abort());
    await expect(stream.finalMessage()).rejects.toBeInstanceOf(APIUserAbortError);
    await app.until(() => app.parts.admission.running === 0);
    await app.until(async () => (await app.readLog()).at(-1)?.status === 'cancelled');
    expect((await app.readLog()).at(-1)).toMatchObject({ prompt: 'ENDLESS', dialect: 'anthropic-messages' });
  });
});
