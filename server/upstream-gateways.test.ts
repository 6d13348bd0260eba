// Two gateways of this program, one the upstream of the other: every format in front, a real worker process behind.
import Anthropic from '@anthropic-ai/sdk';
import { Ollama } from 'ollama';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { recordingLogger } from './testing/recording-logger.js';
import type { StartedApp } from './testing/start-app.js';
import { ask, closeGateways, KEY, startBack, startFront } from './testing/two-gateways.js';
import { until } from './testing/until.js';

const EMBEDDER = 'all-minilm-l6-v2';

afterAll(closeGateways);

describe('a gateway in front of another', () => {
  let back: StartedApp;
  let front: StartedApp;
  let console: ReturnType<typeof recordingLogger>;
  const said: string[] = [];
  const text = 'one two three one two three';

  beforeAll(async () => {
    back = await startBack({ tokens: 6, rules: [{ match: 'LONG', tokens: 5_000, gap_ms: 5 }] });
    ({ front, console } = await startFront(back.url));
    await Promise.all([back.ready(), front.ready()]);
  });

  it('answers in OpenAI’s format, streamed and whole, in chat and with a bare prompt', async () => {
    const client = new OpenAI({ baseURL: `${front.url}/v1`, apiKey: 'any' });
    const messages = [{ role: 'user' as const, content: 'one two three' }];
    const whole = await client.chat.completions.create({ model: 'fake', messages });
    expect(whole.choices[0]?.message.content).toBe(text);
    expect(whole.usage).toMatchObject({ prompt_tokens: 3, completion_tokens: 6 });
    let streamed = '';
    for await (const part of client.chat.completions.stream({ model: 'fake', messages })) {
      streamed += part.choices[0]?.delta.content ?? '';
    }
    expect(streamed).toBe(text);
    const bare = await client.completions.create({ model: 'fake', prompt: 'one two three' });
    expect(bare.choices[0]?.text).toBe(text);
    const responses = await client.responses.create({ model: 'fake', input: 'one two three' });
    expect(responses.output_text).toBe(text);
    const two = await client.chat.completions.create({ model: 'fake', messages, n: 2 });
    expect(two.choices).toHaveLength(2);
  });

  it('answers in Ollama’s and Anthropic’s', async () => {
    const ollama = new Ollama({ host: front.url });
    const messages = [{ role: 'user', content: 'one two three' }];
    let streamed = '';
    const stream = await ollama.chat({ model: 'fake', messages, stream: true, options: { num_ctx: 4096 } });
    for await (const part of stream) streamed += part.message.content;
    expect(streamed).toBe(text);
    expect(await ollama.generate({ model: 'fake', prompt: 'one two three' })).toMatchObject({
      response: text,
    });
    const anthropic = new Anthropic({ baseURL: front.url, apiKey: 'any' });
    const answer = anthropic.messages.stream({
      model: 'fake',
      max_tokens: 50,
      messages: [{ role: 'user', content: 'one two three' }],
    });
    expect(await answer.finalText()).toBe(text);
  });

  it.each([
    ['/generate', { prompt: 'one two three' }, '"response":" three"}'],
    ['/stream?stream_format=text', { prompt: 'one two three' }, text],
    ['/stream?stream_format=openai', { prompt: 'one two three' }, '[DONE]'],
    ['/api/v1/chat', { messages: [{ role: 'user', content: 'one two three' }], stream: true }, '[DONE]'],
  ])('answers on %s', async (path, body, end) => {
    const answer = await (await ask(front.url, path, body)).text();
    said.push(answer);
    expect(answer).toContain(end);
  });

  it('cancels there what is left here', async () => {
    const leaving = new AbortController();
    const response = await fetch(`${front.url}/generate`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ prompt: 'LONG' }),
      signal: leaving.signal,
    });
    await response.body?.getReader().read();
    await until(() => back.parts.worker.status().running === 1);
    leaving.abort();
    await until(() => back.parts.worker.status().running === 0);
    await until(async () => (await back.readLog()).at(-1)?.status === 'cancelled');
    await until(async () => (await front.readLog()).at(-1)?.status === 'cancelled');
    expect(front.parts.worker.status().running).toBe(0);
  });

  it('has what it cannot pass on refused by name, before anything is sent', async () => {
    const response = await ask(front.url, '/generate', { prompt: 'x', top_k: 7 });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: 'unsupported_parameter', param: 'top_k' });
    const biased = await ask(front.url, '/v1/completions', { model: 'fake', prompt: [1, 2] });
    expect(await biased.json()).toMatchObject({ error: { code: 'unsupported_parameter', param: 'prompt' } });
  });

  it('still makes vectors on its own machine', async () => {
    const { body, status } = await ask(front.url, '/v1/embeddings', { input: 'text' });
    expect(status).toBe(200);
    await body?.cancel();
    expect((await back.readLog()).length).toBeGreaterThan(5);
  });

  it('never says the key', async () => {
    for (const path of ['/health', '/openapi.json', '/v1/models', '/readyz']) {
      said.push(await (await fetch(front.url + path)).text());
    }
    expect(JSON.parse(said.find(each => each.includes('"upstream"')) ?? '{}')).toMatchObject({
      status: 'ok',
      upstream: { url: `${back.url}/v1`, is_down: false, last_failure: null },
    });
    const written = [said, console.entries, await front.readLog(), await back.readLog()];
    expect(JSON.stringify(written)).not.toContain(KEY);
  });
});

describe('what is more than text', () => {
  const CALL = '<tool_call>\n{"name": "add", "arguments": {"a": 1}}\n</tool_call>';
  const parameters = { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'] };
  const tools = [{ type: 'function' as const, function: { name: 'add', parameters } }];
  const messages = [{ role: 'user' as const, content: 'ADD two' }];
  let back: StartedApp;
  let front: StartedApp;
  let client: OpenAI;

  beforeAll(async () => {
    back = await startBack({
      tokens: 3,
      tool_format: 'hermes',
      rules: [{ match: 'ADD', text: `So. ${CALL}` }],
    });
    ({ front } = await startFront(back.url, {
      USE_OPENAI_EMBEDDINGS: 'true',
      OPENAI_EMBEDDING_MODEL: EMBEDDER,
    }));
    client = new OpenAI({ baseURL: `${front.url}/v1`, apiKey: 'any' });
    await back.ready();
  });

  it('passes on the calls that a model makes, and the choice of a tool', async () => {
    const asked = await client.chat.completions.create({ model: 'fake', messages, tools });
    expect(asked.choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: { content: 'So.', tool_calls: [{ function: { name: 'add', arguments: '{"a":1}' } }] },
    });
    const forced = await client.chat.completions.create({
      model: 'fake',
      messages: [{ role: 'user', content: 'x' }],
      tools,
      tool_choice: 'required',
    });
    expect(forced.choices[0]?.message.tool_calls).toMatchObject([{ function: { name: 'add' } }]);
    expect((await front.readLog())[0]?.response).toContain(CALL.replace('{"a": 1}', '{"a":1}'));
    const claude = new Anthropic({ baseURL: front.url, apiKey: 'any' });
    const { content } = await claude.messages.create({
      model: 'fake',
      max_tokens: 50,
      messages,
      tools: [{ name: 'add', input_schema: { type: 'object' } }],
    });
    expect(content).toMatchObject([{ type: 'text' }, { type: 'tool_use', name: 'add', input: { a: 1 } }]);
    const { message } = await new Ollama({ host: front.url }).chat({ model: 'fake', messages, tools });
    expect(message.tool_calls).toMatchObject([{ function: { name: 'add', arguments: { a: 1 } } }]);
  });

  it('passes on schemas and log-probabilities', async () => {
    const { choices } = await client.chat.completions.create({
      model: 'fake',
      messages: [{ role: 'user', content: 'x' }],
      response_format: { type: 'json_schema', json_schema: { name: 's', schema: parameters } },
      logprobs: true,
      top_logprobs: 2,
    });
    expect(JSON.parse(choices[0]?.message.content ?? '')).toHaveProperty('a');
    expect(choices[0]?.logprobs?.content?.[0]?.top_logprobs).toHaveLength(2);
  });

  it('has vectors made there, and no Python here', async () => {
    const ours = await client.embeddings.create({ model: EMBEDDER, input: ['a b', 'c'] });
    const theirs = await new OpenAI({ baseURL: `${back.url}/v1`, apiKey: KEY }).embeddings.create({
      model: EMBEDDER,
      input: ['a b', 'c'],
    });
    expect(ours.data.map(({ embedding }) => embedding.map(number => number.toFixed(5)))).toEqual(
      theirs.data.map(({ embedding }) => embedding.map(number => number.toFixed(5))),
    );
    expect(ours.usage).toEqual(theirs.usage);
    const { worker } = (await (await fetch(`${front.url}/health`)).json()) as { worker: object };
    expect(worker).toMatchObject({ pid: null, embedder: { id: EMBEDDER, dimensions: 8 } });
    const served = await client.models.list();
    expect(served.data.map(({ id }) => id)).toEqual(['fake', EMBEDDER]);
  });

  it('runs as many at once as there are slots', async () => {
    const { front: narrow } = await startFront(back.url, { MINIVAULT_SLOTS: '2' });
    const answers = Array.from({ length: 8 }, (_, at) =>
      ask(narrow.url, '/generate', { prompt: `word ${at}` }),
    );
    let most = 0;
    const watching = setInterval(() => {
      most = Math.max(most, narrow.parts.worker.status().running);
    }, 1);
    for (const answer of answers) expect(await (await answer).text()).toContain('"done_reason":"stop"');
    clearInterval(watching);
    expect(most).toBeLessThanOrEqual(2);
  });
});
