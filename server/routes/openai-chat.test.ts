import { afterEach, describe, expect, it } from 'vitest';
import { chatAnswerSchema, chatChunkSchema } from '../dialects/openai-chat.js';
import { dataOf } from '../testing/read-events.js';
import { openStream, readStream } from '../testing/read-stream.js';
import { type StartAppOptions, type StartedApp, startApp } from '../testing/start-app.js';

let app: StartedApp;
afterEach(async () => {
  const { admission, worker } = app.parts;
  await app.until(() => admission.running + admission.waiting + worker.status().running === 0);
  await app.close();
});

async function start(options: StartAppOptions = {}): Promise<void> {
  app = await startApp(options);
  await app.ready();
}

const bodyOf = (content: string, more: object) => ({ messages: [{ role: 'user', content }], ...more });
const ask = async (content: string, more: object = {}) => {
  const { status, headers, text } = await readStream(`${app.url}/v1/chat/completions`, {
    body: bodyOf(content, more),
  });
  return { status, headers, body: JSON.parse(text) };
};
const open = (content: string, more: object = {}) =>
  openStream(`${app.url}/v1/chat/completions`, { body: bodyOf(content, { stream: true, ...more }) });
const stream = async (content: string, more: object = {}) => (await open(content, more)).ended;
const textOf = (text: string) =>
  dataOf(text)
    .filter(record => record !== '[DONE]' && !Object.hasOwn(record as object, 'error'))
    .flatMap(record => chatChunkSchema.parse(record).choices)
    .map(({ delta }) => delta.content ?? '')
    .join('');

const TOOL = { type: 'function', function: { name: 'now' } };
const CALL = '<tool_call>{"name":"now","arguments":{"zone":"UTC"}}</tool_call>';

describe('POST /v1/chat/completions', () => {
  it('answers the same streamed and whole, under one id that is in the log', async () => {
    await start({ plan: { tokens: 5, cached_tokens: 1 } });
    const { status, headers, body } = await ask('alpha beta');
    expect(status).toBe(200);
    const answer = chatAnswerSchema.parse(body);
    expect(answer).toMatchObject({
      id: `chatcmpl-${headers['x-exchange-id']}`,
      model: 'fake',
      system_fingerprint: 'fp_0000000000_none',
      choices: [{ message: { content: 'alpha beta alpha beta alpha' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 2, completion_tokens: 5, prompt_tokens_details: { cached_tokens: 1 } },
    });
    const streamed = await stream('alpha beta', { stream_options: { include_usage: true } });
    expect(streamed.headers['content-type']).toBe('text/event-stream; charset=utf-8');
    expect(textOf(streamed.text)).toBe(answer.choices[0]?.message.content);
    expect(dataOf(streamed.text).at(-2)).toMatchObject({ choices: [], usage: answer.usage });
    expect((await app.readLog()).map(({ id, dialect }) => [id, dialect])).toEqual([
      [headers['x-exchange-id'], 'openai-chat'],
      [streamed.headers['x-exchange-id'], 'openai-chat'],
    ]);
  });

  it('draws each of n choices with a seed of its own, each an exchange of the same request', async () => {
    await start({ plan: { tokens: 2, slots: 2 } });
    const { body } = await ask('alpha', { n: 3, seed: 5 });
    expect(body.choices.map(({ index }: { index: number }) => index)).toEqual([0, 1, 2]);
    expect(body.usage).toMatchObject({ prompt_tokens: 1, completion_tokens: 6, total_tokens: 7 });
    const log = await app.readLog();
    expect(log.map(({ parameters }) => (parameters as { seed: number }).seed).toSorted()).toEqual([5, 6, 7]);
    expect(new Set(log.map(({ request_id }) => request_id)).size).toBe(1);
    expect(new Set(log.map(({ id }) => id)).size).toBe(3);
  });

  it('ends all choices when one fails, before the first byte or after', async () => {
    await start({
      plan: { tokens: 10_000, gap_ms: 2, slots: 3, rules: [{ match: 'BAD', do: 'raise', at: 3, times: 1 }] },
    });
    expect(await ask('BAD luck', { n: 3 })).toMatchObject({
      status: 500,
      body: { error: { code: 'worker_error' } },
    });
    expect((await app.readLog()).map(({ status }) => status).toSorted()).toEqual([
      'cancelled',
      'cancelled',
      'failed',
    ]);
  });

  it('tells a failure after the first byte in the stream, then ends it', async () => {
    await start({ plan: { tokens: 10, rules: [{ match: 'DIE', at: 4, do: 'exit:139', times: 1 }] } });
    const { status, text, whole } = await stream('DIE soon');
    expect([status, whole, textOf(text)]).toEqual([200, true, 'DIE soon DIE soon']);
    expect(dataOf(text).slice(-2)).toMatchObject([
      { error: { type: 'server_error', code: 'worker_crashed', param: null } },
      '[DONE]',
    ]);
  });

  it('answers 400 to a prompt over the context, 404 to a model it does not serve', async () => {
    await start({ plan: { context_length: 4 } });
    expect(await ask('one two three four five')).toMatchObject({
      status: 400,
      headers: { 'x-should-retry': 'false' },
      body: { error: { type: 'invalid_request_error', code: 'context_length_exceeded' } },
    });
    expect(await ask('hi', { model: 'gpt-9' })).toMatchObject({
      status: 404,
      body: { error: { code: 'model_not_found', param: 'model' } },
    });
  });

  it('sends nothing to a client that left before its whole answer, and cancels it', async () => {
    await start({ plan: { tokens: 10_000, gap_ms: 2 } });
    const leaver = new AbortController();
    const answer = fetch(`${app.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(bodyOf('word', { n: 2 })),
      signal: leaver.signal,
    });
    await app.until(() => app.parts.worker.status().running === 1 && app.parts.admission.waiting === 1);
    leaver.abort();
    await expect(answer).rejects.toThrow();
    await app.until(() => app.parts.admission.running + app.parts.admission.waiting === 0);
    for (const { status } of await app.readLog()) expect(status).toBe('cancelled');
  });

  it('cancels a stream whose client leaves, and keeps what had been said', async () => {
    await start({ plan: { tokens: 10_000, gap_ms: 2 } });
    const left = await open('word');
    await left.seen(text => text.includes(' word'));
    left.leave();
    await app.until(() => app.parts.worker.status().running === 0);
    expect(await app.readLog()).toMatchObject([{ status: 'cancelled', dialect: 'openai-chat' }]);
  });
});

describe('tools', () => {
  const plan = {
    tool_format: 'hermes',
    tokens: 3,
    rules: [
      { match: 'TWICE', text: `Wait. ${CALL} ${CALL}` },
      { match: 'BARE', text: '{"name":"now","arguments":{}}' },
    ],
  } as const;
  const zone = { type: 'function', function: { name: 'now', arguments: '{"zone":"UTC"}' } };

  it('are called in streams and whole answers alike', async () => {
    await start({ plan });
    const { body } = await ask('TWICE', { tools: [TOOL] });
    expect(chatAnswerSchema.parse(body).choices).toMatchObject([
      { message: { content: 'Wait.', tool_calls: [zone, zone] }, finish_reason: 'tool_calls' },
    ]);
    const records = dataOf((await stream('TWICE', { tools: [TOOL] })).text);
    const chunks = records.slice(0, -1).map(record => chatChunkSchema.parse(record));
    const deltas = chunks.flatMap(({ choices }) => choices.flatMap(({ delta }) => delta.tool_calls ?? []));
    expect(deltas).toMatchObject([
      { index: 0, ...zone },
      { index: 1, ...zone },
    ]);
  });

  it('are called once at most where parallel_tool_calls is false', async () => {
    await start({ plan });
    const { body } = await ask('TWICE', { tools: [TOOL], parallel_tool_calls: false });
    expect(body.choices[0].message.tool_calls).toHaveLength(1);
  });

  it('that must be called are', async () => {
    await start({ plan });
    const { body } = await ask('BARE', { tools: [TOOL], tool_choice: 'required' });
    expect(body.choices[0]).toMatchObject({
      message: { content: null, tool_calls: [{ function: { name: 'now', arguments: '{}' } }] },
      finish_reason: 'tool_calls',
    });
  });

  it('are not looked for in the answer to a request without any', async () => {
    await start({ plan });
    expect((await ask('TWICE')).body.choices[0].message).toMatchObject({ content: `Wait. ${CALL} ${CALL}` });
  });

  it('are refused by name where the model knows none', async () => {
    await start();
    expect(await ask('hi', { tools: [TOOL] })).toMatchObject({
      status: 400,
      body: { error: { code: 'unsupported_parameter', param: 'tools' } },
    });
  });
});

describe('while the model loads', () => {
  it('tells in the stream what could not be known before', async () => {
    app = await startApp({ plan: { load_ms: 500 } });
    const { status, text } = await stream('hi', { tools: [TOOL], model: 'fake' });
    expect(status).toBe(200);
    expect(dataOf(text)).toMatchObject([{ error: { code: 'unsupported_parameter' } }, '[DONE]']);
  });

  it('answers all the same, and refuses the name of another model', async () => {
    app = await startApp({ plan: { load_ms: 500, tokens: 1 } });
    expect((await ask('hi', { model: 'other' })).status).toBe(404);
    expect((await ask('hi', { model: 'fake' })).body.choices[0].message.content).toBe('hi');
  });
});

describe('system B', () => {
  const prompt = (body: object) => openStream(`${app.url}/v1/chat/completions`, { body });

  it('streams the answer to a bare prompt', async () => {
    await start({ plan: { tokens: 4 } });
    const { text } = await (await prompt({ prompt: 'alpha beta', stream: true })).ended;
    expect(textOf(text)).toBe('alpha beta alpha beta');
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
  });

  it.each([
    { prompt: 'x' },
    { prompt: 'x', stream: false },
    { prompt: '', stream: true },
    { prompt: 5, stream: true },
  ])('answers 400 to %j', async body => {
    await start();
    const { status, text } = await (await prompt(body)).ended;
    expect(status).toBe(400);
    expect(JSON.parse(text).error.param).toMatch(/^(?:stream|prompt)$/);
  });
});
