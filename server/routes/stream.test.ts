import { afterEach, describe, expect, it } from 'vitest';
import { chatChunkSchema } from '../dialects/openai-chat.js';
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

const stream = (query: string, body: unknown) => readStream(`${app.url}/stream${query}`, { body });

interface Chunk {
  readonly id: string;
  readonly choices: readonly {
    readonly delta: { readonly content?: string };
    readonly finish_reason: string | null;
  }[];
}

describe('POST /stream', () => {
  it.each(['', '?stream_format=text'])('is bare text with the id of its exchange: %j', async query => {
    await start({ plan: { tokens: 3 } });
    const { status, headers, text, whole } = await stream(query, { prompt: 'Grüße an' });
    expect([status, whole, text]).toEqual([200, true, 'Grüße an Grüße']);
    expect(headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(await app.readLog()).toMatchObject([{ id: headers['x-exchange-id'], dialect: 'stream-text' }]);
  });

  it("is OpenAI's chunks with stream_format=openai, the last one [DONE]", async () => {
    await start({ plan: { tokens: 3 } });
    const { status, headers, text } = await stream('?stream_format=openai', { prompt: 'Grüße an', seed: 3 });
    expect([status, headers['content-type']]).toEqual([200, 'text/event-stream; charset=utf-8']);
    const records = dataOf(text);
    expect(records.at(-1)).toBe('[DONE]');
    const chunks = records.slice(0, -1).map(record => chatChunkSchema.parse(record) as Chunk);
    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')).toBe('Grüße an Grüße');
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('stop');
    const id = headers['x-exchange-id'];
    expect(new Set(chunks.map(chunk => chunk.id))).toEqual(new Set([`chatcmpl-${id}`]));
    expect(await app.readLog()).toMatchObject([{ id, dialect: 'stream-openai', parameters: { seed: 3 } }]);
  });

  it.each([
    ['?stream_format=xml', { prompt: 'x' }, 'stream_format'],
    ['?format=text', { prompt: 'x' }, 'format'],
    ['', {}, 'prompt'],
    ['', { prompt: '' }, 'prompt'],
    ['', { prompt: 'x', stream: true }, 'stream'],
    ['?stream_format=openai', { prompt: 'x', temperature: 3 }, 'temperature'],
  ])('refuses %s %j by name', async (query, body, param) => {
    await start();
    const { status, text } = await stream(query, body);
    expect(status).toBe(400);
    expect(JSON.parse(text)).toMatchObject({ code: 'invalid_request', param });
  });

  it('breaks off when the worker dies, so that half an answer cannot look whole', async () => {
    await start({ plan: { tokens: 9, rules: [{ match: 'POISON', at: 3, do: 'exit:139' }] } });
    const { status, text, whole } = await stream('', { prompt: 'POISON' });
    expect([status, whole, text]).toEqual([200, false, 'POISON POISON POISON']);
    const chunks = await stream('?stream_format=openai', { prompt: 'POISON' });
    expect(chunks.whole).toBe(true);
    expect(dataOf(chunks.text)).toContainEqual({
      error: expect.objectContaining({ code: 'worker_crashed' }),
    });
    expect((await app.readLog()).map(({ status: kept }) => kept)).toEqual(['failed', 'failed']);
  });

  it.each(['text', 'openai'])('is cancelled when its client leaves: %s', async format => {
    await start({ plan: { tokens: 100_000, gap_ms: 2 } });
    const open = await openStream(`${app.url}/stream?stream_format=${format}`, {
      body: { prompt: 'leaver', max_tokens: 100_000 },
    });
    await open.seen(text => text.split('leaver').length > 3);
    open.leave();
    await app.until(async () => (await app.readLog().catch(() => [])).length === 1);
    expect(await app.readLog()).toMatchObject([{ status: 'cancelled' }]);
  });
});
