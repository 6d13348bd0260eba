import { afterEach, describe, expect, it } from 'vitest';
import { responseAnswerSchema } from '../dialects/openai-responses.js';
import { responseChunkSchema } from '../dialects/openai-responses-events.js';
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

const ask = (input: string, more: Record<string, unknown> = {}) =>
  readStream(`${app.url}/v1/responses`, { body: { input, ...more } });
const open = (input: string, more: Record<string, unknown> = {}) =>
  openStream(`${app.url}/v1/responses`, { body: { input, stream: true, ...more } });
const get = (path: string) => readStream(`${app.url}/v1/responses/${path}`, { method: 'GET' });
const post = (path: string) => readStream(`${app.url}/v1/responses/${path}`);
const answerIn = (text: string) => responseAnswerSchema.parse(JSON.parse(text));
const chunksOf = (text: string) => dataOf(text).map(data => responseChunkSchema.parse(data));
const idIn = (text: string) => /"id":"(resp_[^"]+)"/.exec(text)?.[1] ?? '';
const deltasIn = (text: string) =>
  chunksOf(text)
    .map(chunk => (chunk.type === 'response.output_text.delta' ? chunk.delta : ''))
    .join('');

describe('POST /v1/responses', () => {
  it('answers whole, and keeps the exchange', async () => {
    await start({ plan: { tokens: 3 } });
    const { status, headers, text } = await ask('alpha beta', { instructions: 'be brief' });
    expect(status).toBe(200);
    expect(answerIn(text)).toMatchObject({ status: 'completed', instructions: 'be brief', model: 'fake' });
    expect(await app.readLog()).toMatchObject([
      { response: 'alpha beta alpha', dialect: 'openai-responses', id: headers['x-exchange-id'] },
    ]);
  });

  it('streams events whose last one is the response that can be fetched', async () => {
    await start({ plan: { tokens: 3 } });
    const { headers, text, whole } = await ask('alpha beta', { stream: true });
    expect([whole, headers['content-type']]).toEqual([true, 'text/event-stream; charset=utf-8']);
    const chunks = chunksOf(text);
    const last = chunks.at(-1);
    expect(last?.type).toBe('response.completed');
    expect(text).not.toMatch(/^(?:id|retry):/m);
    expect(JSON.parse((await get(idIn(text))).text)).toEqual(last && 'response' in last && last.response);
  });

  it('pings a client that waits', async () => {
    await start({ plan: { tokens: 1, load_ms: 300 }, env: { MINIVAULT_HEARTBEAT_INTERVAL_MS: '20' } });
    const { text } = await ask('alpha', { stream: true });
    expect(text).toMatch(/^event: response\.created\n[^\n]+\n\n: ping\n\n/);
    expect(chunksOf(text).at(-1)?.type).toBe('response.completed');
  });

  it('ends with response.failed, once, when the worker dies midway', async () => {
    await start({ plan: { gap_ms: 5, rules: [{ match: 'DIES', do: 'exit:1', at: 2, times: 1 }] } });
    const { text, whole } = await ask('DIES', { stream: true });
    expect(whole).toBe(true);
    const ends = chunksOf(text).filter(({ type }) => /completed|incomplete|failed/.test(type));
    expect(ends).toMatchObject([{ type: 'response.failed', response: { error: { code: 'server_error' } } }]);
    expect(deltasIn(text)).toBe('DIES DIES');
    expect(answerIn((await get(idIn(text))).text).status).toBe('failed');
  });

  it('is a plain error when it fails and nothing was to be streamed', async () => {
    await start({ plan: { gap_ms: 5, rules: [{ match: 'DIES', do: 'exit:1', at: 2, times: 1 }] } });
    const { status, text } = await ask('DIES');
    expect(status).toBe(500);
    expect(JSON.parse(text)).toMatchObject({ error: { type: 'server_error', code: 'worker_crashed' } });
  });

  it.each([
    ['another model', { model: 'gpt-9' }, 404, 'model_not_found'],
    ['a prompt beyond the context', { input: 'word '.repeat(10_000) }, 400, 'context_length_exceeded'],
    ['tools without a form', { tools: [{ type: 'function', name: 'f' }] }, 400, 'unsupported_parameter'],
    ['a response that is not there', { previous_response_id: 'resp_0' }, 404, 'response_not_found'],
  ])('refuses %s before anything is streamed, in the background, too', async (_, more, expected, code) => {
    await start({ plan: { context_length: 1_000 } });
    await app.ready();
    for (const mode of [{ stream: true }, { background: true }, { background: true, stream: true }]) {
      const { status, text } = await ask('alpha', { ...more, ...mode });
      expect(status).toBe(expected);
      expect(JSON.parse(text)).toMatchObject({ error: { code } });
    }
  });

  it('cancels for a client that leaves its stream, and tells so to one who fetches it', async () => {
    await start({ plan: { tokens: 100_000, gap_ms: 5 } });
    const stream = await open('alpha');
    await stream.seen(text => text.includes('output_text.delta'));
    const id = idIn(stream.text());
    expect(answerIn((await get(id)).text).status).toBe('in_progress');
    stream.leave();
    await app.until(async () => answerIn((await get(id)).text).status === 'cancelled');
    expect((await ask('beta', { previous_response_id: id })).status).toBe(400);
    expect((await post(`${id}/cancel`)).status).toBe(400);
    expect((await get(`${id}?stream=true`)).status).toBe(400);
  });

  it('tells one call of a tool alone when calls are not to be parallel', async () => {
    const calls = ['a', 'b'].map(
      zone => `<tool_call>{"name":"f","arguments":{"zone":"${zone}"}}</tool_call>`,
    );
    await start({ plan: { tool_format: 'hermes', rules: [{ match: 'call', text: calls.join('\n') }] } });
    const tools = [{ type: 'function', name: 'f' }];
    const counts = [];
    for (const parallel_tool_calls of [true, false]) {
      const { text } = await ask('call', { tools, parallel_tool_calls });
      counts.push(answerIn(text).output.length);
    }
    expect(counts).toEqual([2, 1]);
  });

  it('gives log-probabilities with the text that they are of', async () => {
    await start({ plan: { tokens: 2 } });
    const more = { include: ['message.output_text.logprobs'], top_logprobs: 1 };
    const [item] = answerIn((await ask('alpha beta', more)).text).output;
    const logprobs = item?.type === 'message' ? item.content[0]?.logprobs : [];
    expect(logprobs?.map(({ token }) => token).join('')).toBe('alpha beta');
    expect(logprobs?.[0]?.top_logprobs).toHaveLength(1);
  });

  it('gives a client that reads slowly every word', async () => {
    await start({ plan: { tokens: 10_000, context_length: 30_000 } });
    const stream = await open('alpha');
    stream.pause();
    await app.until(async () => (await app.readLog().catch(() => [])).length === 1);
    stream.resume();
    expect(deltasIn((await stream.ended).text) === Array(10_000).fill('alpha').join(' ')).toBe(true);
  });
});

describe('a response in the background', () => {
  it('goes on without its client, and is the same from wherever it is read again', async () => {
    await start({ plan: { tokens: 30, gap_ms: 2 } });
    const stream = await open('alpha', { background: true });
    await stream.seen(text => text.includes('output_text.delta'));
    const id = idIn(stream.text());
    stream.leave();
    const { text } = await get(`${id}?stream=true`);
    expect(deltasIn(text)).toBe(Array(30).fill('alpha').join(' '));
    const chunks = chunksOf(text);
    for (const after of [0, 1, 5, chunks.length - 2]) {
      const again = await get(`${id}?stream=true&starting_after=${after}`);
      expect(chunksOf(again.text)).toEqual(chunks.slice(after + 1));
    }
    expect((await get(`${id}?stream=true&starting_after=${chunks.length - 1}`)).status).toBe(400);
    expect(await app.readLog()).toMatchObject([{ status: 'completed' }]);
  });

  it('fails where it can be seen when its worker dies', async () => {
    await start({ plan: { gap_ms: 5, rules: [{ match: 'DIES', do: 'exit:1', at: 2, times: 1 }] } });
    const id = idIn((await ask('DIES', { background: true })).text);
    await app.until(async () => answerIn((await get(id)).text).status === 'failed');
    expect(answerIn((await post(`${id}/cancel`)).text).status).toBe('failed');
  });

  it('is cancelled before it is forgotten', async () => {
    await start({ plan: { tokens: 100_000, gap_ms: 5 } });
    const id = idIn((await ask('alpha', { background: true })).text);
    expect((await ask('beta', { previous_response_id: id })).status).toBe(400);
    const { text } = await readStream(`${app.url}/v1/responses/${id}`, { method: 'DELETE' });
    expect(JSON.parse(text)).toEqual({ id, object: 'response', deleted: true });
    await app.until(() => app.parts.admission.running === 0);
    expect((await get(id)).status).toBe(404);
  });
});

describe('GET /v1/responses/{id}/input_items', () => {
  it('tells the newest first, and refuses what is no place in them', async () => {
    await start({ plan: { tokens: 1 } });
    const id = idIn((await ask('alpha')).text);
    const { text } = await get(`${id}/input_items`);
    expect(JSON.parse(text)).toMatchObject({
      object: 'list',
      data: [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: 'alpha' }] }],
      has_more: false,
    });
    for (const query of ['after=nothing', 'limit=0', 'limit=101', 'order=up']) {
      const { status, text: refused } = await get(`${id}/input_items?${query}`);
      expect(status).toBe(400);
      expect(JSON.parse(refused)).toMatchObject({ error: { param: query.split('=')[0] } });
    }
  });
});
