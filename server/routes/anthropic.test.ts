import { afterEach, describe, expect, it } from 'vitest';
import { messageAnswerSchema, messageChunkSchema } from '../dialects/anthropic-messages.js';
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
}

const bodyOf = (content: string, more: Record<string, unknown> = {}) => ({
  model: 'fake',
  max_tokens: 1_000,
  messages: [{ role: 'user', content }],
  ...more,
});
const ask = (content: string, more: Record<string, unknown> = {}) =>
  readStream(`${app.url}/v1/messages`, { body: bodyOf(content, more) });
const open = (content: string, more: Record<string, unknown> = {}) =>
  openStream(`${app.url}/v1/messages`, { body: bodyOf(content, { stream: true, ...more }) });
const chunksOf = (text: string) => dataOf(text).map(data => messageChunkSchema.parse(data));
const textOf = (text: string) =>
  chunksOf(text)
    .map(chunk =>
      chunk.type === 'content_block_delta' && chunk.delta.type === 'text_delta' ? chunk.delta.text : '',
    )
    .join('');

describe('POST /v1/messages', () => {
  it('answers with one message, and keeps the exchange', async () => {
    await start({ plan: { tokens: 3 } });
    const { status, headers, text } = await ask('alpha beta', { system: 'be brief' });
    expect(status).toBe(200);
    expect(headers['request-id']).toBe(headers['x-request-id']);
    expect(messageAnswerSchema.parse(JSON.parse(text)).content).toMatchObject([{ text: 'alpha beta alpha' }]);
    expect(await app.readLog()).toMatchObject([
      {
        prompt: 'alpha beta',
        response: 'alpha beta alpha',
        dialect: 'anthropic-messages',
        id: headers['x-exchange-id'],
      },
    ]);
  });

  it('streams events that begin with the usage of the prompt and end with message_stop', async () => {
    await start({ plan: { tokens: 3 } });
    const { headers, text, whole } = await ask('alpha beta', { stream: true });
    expect(whole).toBe(true);
    expect(headers['content-type']).toBe('text/event-stream; charset=utf-8');
    expect(headers['x-exchange-id']).toBeDefined();
    const chunks = chunksOf(text);
    expect(chunks[0]).toMatchObject({ type: 'message_start', message: { usage: { input_tokens: 2 } } });
    expect(chunks.slice(-2)).toMatchObject([
      { type: 'message_delta', usage: { output_tokens: 3 } },
      { type: 'message_stop' },
    ]);
    expect(textOf(text)).toBe('alpha beta alpha');
  });

  it('pings a client that waits', async () => {
    await start({ plan: { tokens: 1, load_ms: 300 }, env: { MINIVAULT_HEARTBEAT_INTERVAL_MS: '20' } });
    const { text } = await ask('alpha', { stream: true });
    const chunks = chunksOf(text);
    expect(chunks[0]).toEqual({ type: 'ping' });
    expect(chunks.at(-1)).toEqual({ type: 'message_stop' });
  });

  it('ends with an error event, once, when the worker dies midway', async () => {
    await start({ plan: { gap_ms: 5, rules: [{ match: 'DIES', do: 'exit:1', at: 2, times: 1 }] } });
    const { text, whole } = await ask('DIES', { stream: true });
    expect(whole).toBe(true);
    const chunks = chunksOf(text);
    expect(chunks.filter(({ type }) => type === 'error' || type === 'message_stop')).toEqual([chunks.at(-1)]);
    expect(chunks.at(-1)).toMatchObject({ type: 'error', error: { type: 'api_error' } });
    expect(textOf(text)).toBe('DIES DIES');
  });

  it('is a plain error when it fails and nothing was to be streamed', async () => {
    await start({ plan: { gap_ms: 5, rules: [{ match: 'DIES', do: 'exit:1', at: 2, times: 1 }] } });
    const { status, headers, text } = await ask('DIES');
    expect(status).toBe(500);
    expect(JSON.parse(text)).toEqual({
      type: 'error',
      error: { type: 'api_error', message: expect.any(String) },
      request_id: headers['x-request-id'],
    });
  });

  it.each([
    ['another model', { model: 'claude-opus-5' }, 404, 'not_found_error'],
    ['thinking', { thinking: { type: 'enabled', budget_tokens: 2_000 } }, 400, 'invalid_request_error'],
    ['no max_tokens', { max_tokens: undefined }, 400, 'invalid_request_error'],
    ['a prompt beyond the context', bodyOf('word '.repeat(10_000)), 400, 'invalid_request_error'],
    [
      'tools, with a model that has no form for them',
      { tools: [{ name: 'f', input_schema: {} }] },
      400,
      'invalid_request_error',
    ],
  ])('refuses %s in its own shape before anything is streamed', async (_, more, expected, type) => {
    await start({ plan: { context_length: 1_000 } });
    await app.ready();
    const { status, text } = await ask('alpha', { ...more, stream: true });
    expect(status).toBe(expected);
    expect(JSON.parse(text)).toMatchObject({ type: 'error', error: { type } });
  });

  it('frees the slot of a client that leaves, in the line, before a word and midway', async () => {
    await start({ plan: { tokens: 100_000, gap_ms: 5, rules: [{ match: 'MUTE', prefill_ms: 60_000 }] } });
    await app.ready();
    for (const content of ['MUTE', 'midway']) {
      const running = await open(content, { max_tokens: 100_000 });
      if (content === 'midway') await running.seen(text => text.includes('text_delta'));
      else await app.until(() => app.parts.admission.running === 1);
      const waiting = await open('waits');
      await app.until(() => app.parts.admission.waiting === 1);
      waiting.leave();
      await app.until(() => app.parts.admission.waiting === 0);
      running.leave();
      await app.until(() => app.parts.admission.running === 0);
    }
    expect(await app.readLog()).toMatchObject([{ prompt: 'midway', status: 'cancelled' }]);
  });

  it('sends nothing to a client that leaves a whole answer, and cancels it', async () => {
    await start({ plan: { tokens: 100_000, gap_ms: 5 } });
    await app.ready();
    const leaving = new AbortController();
    const asked = fetch(`${app.url}/v1/messages`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(bodyOf('alpha', { max_tokens: 100_000 })),
      signal: leaving.signal,
    });
    await app.until(() => app.parts.worker.status().running === 1);
    leaving.abort();
    await expect(asked).rejects.toThrow();
    await app.until(() => app.parts.admission.running === 0);
  });

  it('gives a client that reads slowly every word', async () => {
    await start({ plan: { tokens: 20_000, context_length: 30_000 } });
    const stream = await open('alpha', { max_tokens: 20_000 });
    stream.pause();
    await app.until(async () => (await app.readLog().catch(() => [])).length === 1);
    stream.resume();
    const { text } = await stream.ended;
    expect(textOf(text) === Array(20_000).fill('alpha').join(' ')).toBe(true);
  });
});

describe('POST /v1/messages/count_tokens', () => {
  it('counts what the model would read', async () => {
    await start();
    await app.ready();
    const body = { model: 'fake', system: 'be brief', messages: [{ role: 'user', content: 'one two' }] };
    const { status, text } = await readStream(`${app.url}/v1/messages/count_tokens`, { body });
    expect([status, JSON.parse(text)]).toEqual([200, { input_tokens: 4 }]);
  });

  it('says that it cannot while the model loads', async () => {
    await start({ plan: { load_ms: 60_000 } });
    const { status, text } = await readStream(`${app.url}/v1/messages/count_tokens`, { body: bodyOf('one') });
    expect(status).toBe(503);
    expect(JSON.parse(text)).toMatchObject({ type: 'error', error: { type: 'overloaded_error' } });
  });
});
