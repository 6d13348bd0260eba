import { afterEach, describe, expect, it } from 'vitest';
import { chatAnswerSchema, chatChunkSchema } from '../dialects/simple-sse.js';
import { dataOf, readEvents } from '../testing/read-events.js';
import { readStream } from '../testing/read-stream.js';
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

const say = (content: string) => ({ messages: [{ role: 'user', content }] });
const chat = (body: unknown) => readStream(`${app.url}/api/v1/chat`, { body });
const textOf = (stream: string) =>
  dataOf(stream)
    .map(record => (record as { content?: string }).content ?? '')
    .join('');

describe('POST /api/v1/chat', () => {
  it('streams content, tells how it ended, and ends with [DONE]', async () => {
    await start({ plan: { tokens: 4 } });
    const { status, headers, text, whole } = await chat({ ...say('alpha beta'), stream: true });
    expect([status, whole]).toEqual([200, true]);
    expect(headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
      'x-exchange-id': expect.any(String),
      'x-request-id': expect.any(String),
    });
    const records = dataOf(text);
    expect(records.at(-1)).toBe('[DONE]');
    expect(records.slice(0, 4)).toEqual(['alpha', ' beta', ' alpha', ' beta'].map(content => ({ content })));
    for (const record of records.slice(0, -1)) chatChunkSchema.parse(record);
  });

  it('answers whole with the same text when it is not to stream', async () => {
    await start({ plan: { tokens: 4 } });
    const { headers, text } = await chat({ ...say('alpha beta'), stream: false });
    expect(headers['content-type']).toContain('application/json');
    const answer = chatAnswerSchema.parse(JSON.parse(text));
    expect(answer).toMatchObject({ content: 'alpha beta alpha beta', id: headers['x-exchange-id'] });
    expect(textOf((await chat(say('alpha beta'))).text)).toBe(answer.content);
  });

  it('gives the model the whole conversation and logs it', async () => {
    await start({ plan: { tokens: 2 } });
    const messages = [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'one' },
      { role: 'assistant', content: 'two' },
      { role: 'user', content: 'three four' },
    ];
    const { text } = await chat({ messages, max_tokens: 1, seed: 5 });
    expect(textOf(text)).toBe('three');
    expect(await app.readLog()).toMatchObject([
      {
        prompt: 'three four',
        dialect: 'simple-sse',
        input: { messages },
        parameters: { max_tokens: 1, seed: 5 },
      },
    ]);
  });

  it.each([
    [{}, 'messages'],
    [{ messages: [] }, 'messages'],
    [{ messages: [{ role: 'tool', content: 'x' }] }, 'messages.0.role'],
    [{ messages: [{ role: 'user', content: '' }] }, 'messages.0.content'],
    [{ messages: [{ role: 'user', content: [{ type: 'text', text: 'x' }] }] }, 'messages.0.content'],
    [{ messages: [{ role: 'user', content: 'x', name: 'me' }] }, 'name'],
    [{ messages: [{ role: 'assistant', content: 'x' }] }, 'messages'],
    [{ ...say('x'), stream: 'yes' }, 'stream'],
    [{ ...say('x'), top_k_results: 3 }, 'top_k_results'],
    [{ ...say('x'), temperature: 9 }, 'temperature'],
  ])('refuses %j by name', async (body, param) => {
    await start();
    const { status, headers, text } = await chat(body);
    expect([status, headers['x-should-retry']]).toEqual([400, 'false']);
    expect(JSON.parse(text)).toMatchObject({ code: 'invalid_request', param, error: expect.any(String) });
  });

  it('ends with the error, and without [DONE], when the worker dies midway', async () => {
    await start({ plan: { tokens: 9, rules: [{ match: 'POISON', at: 3, do: 'exit:139' }] } });
    const { status, text, whole } = await chat(say('POISON'));
    expect([status, whole]).toEqual([200, true]);
    expect(dataOf(text).at(-1)).toMatchObject({ content: '', error: { code: 'worker_crashed' } });
    expect(text).not.toContain('[DONE]');
  });

  it('answers 500 when the worker dies and nothing was to stream', async () => {
    await start({ plan: { tokens: 9, rules: [{ match: 'POISON', at: 3, do: 'exit:139' }] } });
    const { status, text } = await chat({ ...say('POISON'), stream: false });
    expect(status).toBe(500);
    expect(JSON.parse(text)).toMatchObject({ code: 'worker_crashed' });
  });

  it.each([true, false])('is cancelled when its client leaves, stream %s', async stream => {
    await start({ plan: { tokens: 100_000, gap_ms: 2 } });
    await app.ready();
    const leaving = new AbortController();
    const answer = fetch(`${app.url}/api/v1/chat`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ ...say('leaver'), stream, max_tokens: 100_000 }),
      signal: leaving.signal,
    }).then(response => response.text());
    // One that leaves before the first word leaves nothing to keep.
    await app.until(async () => {
      const { items } = (await (await fetch(`${app.url}/v1/queue`)).json()) as {
        items: { tokens: number }[];
      };
      return (items[0]?.tokens ?? 0) > 0;
    });
    leaving.abort();
    await expect(answer).rejects.toThrow('aborted');
    await app.until(async () => (await app.readLog().catch(() => [])).length === 1);
    expect(await app.readLog()).toMatchObject([{ status: 'cancelled', dialect: 'simple-sse' }]);
  });

  it('keeps an idle stream open with comments', async () => {
    await start({
      plan: { tokens: 1, prefill_ms: 300 },
      env: { MINIVAULT_HEARTBEAT_INTERVAL_MS: '50' },
    });
    const { comments } = readEvents((await chat(say('slow'))).text);
    expect(comments).toContain('ping');
  });

  it('tells its health', async () => {
    await start();
    const { status, text } = await readStream(`${app.url}/api/v1/health`, { method: 'GET' });
    expect(status).toBe(200);
    expect(JSON.parse(text)).toMatchObject({ status: expect.any(String), worker: expect.any(Object) });
  });
});
