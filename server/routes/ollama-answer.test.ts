import { afterEach, describe, expect, it } from 'vitest';
import { ollamaChatAnswerSchema, ollamaChatChunkSchema } from '../dialects/ollama-chat.js';
import { ollamaGenerateAnswerSchema, ollamaGenerateChunkSchema } from '../dialects/ollama-generate.js';
import { answerOf, openStream, parseLines, readStream } from '../testing/read-stream.js';
import { type StartAppOptions, type StartedApp, startApp } from '../testing/start-app.js';

let app: StartedApp;
afterEach(async () => {
  const { admission } = app.parts;
  await app.until(() => admission.isQuiet);
  await app.close();
});

async function start(options: StartAppOptions = {}): Promise<void> {
  app = await startApp(options);
  await app.ready();
}

type Fields = Record<string, unknown>;
const generate = (prompt: string, more: Fields = {}) =>
  readStream(`${app.url}/api/generate`, { body: { model: 'fake', prompt, ...more } });
const chat = (content: string, more: Fields = {}) =>
  readStream(`${app.url}/api/chat`, { body: { messages: [{ role: 'user', content }], ...more } });
const contentOf = (text: string): string =>
  parseLines(text)
    .map(line => (line.message as { content: string }).content)
    .join('');
const state = () => app.parts.worker.status().state;

describe('an answer to Ollama’s clients', () => {
  it('streams unless they say otherwise, and both forms are the same', async () => {
    await start({ plan: { tokens: 5 } });
    const streamed = await generate('alpha beta', { options: { seed: 1 } });
    expect([streamed.status, streamed.headers['content-type']]).toEqual([200, 'application/x-ndjson']);
    for (const line of parseLines(streamed.text)) ollamaGenerateChunkSchema.parse(line);
    const whole = await generate('alpha beta', { stream: false, options: { seed: 1 } });
    expect(whole.headers['content-type']).toBe('application/json; charset=utf-8');
    const answer = ollamaGenerateAnswerSchema.parse(JSON.parse(whole.text));
    expect(answer.response).toBe('alpha beta alpha beta alpha');
    expect(answerOf(streamed.text)).toBe(answer.response);
    expect(answer.context).toEqual(parseLines(streamed.text).at(-1)?.context);
    expect(answer).toMatchObject({ model: 'fake', done_reason: 'stop', prompt_eval_count: 2, eval_count: 5 });
  });

  it('streams chats in the same way', async () => {
    await start({ plan: { tokens: 3 } });
    const { text } = await chat('alpha beta');
    for (const line of parseLines(text)) ollamaChatChunkSchema.parse(line);
    const answer = ollamaChatAnswerSchema.parse(
      JSON.parse((await chat('alpha beta', { stream: false })).text),
    );
    expect(answer.message.content).toBe('alpha beta alpha');
    expect(contentOf(text)).toBe(answer.message.content);
  });

  it('has the name that they asked by, and is in the log under its format', async () => {
    await start({ plan: { tokens: 1 }, env: { MINIVAULT_MODEL_ALIASES: 'llama3.2' } });
    for (const model of ['fake:latest', 'llama3.2', 'LLAMA3.2:latest']) {
      expect(JSON.parse((await chat('hi', { model, stream: false })).text)).toMatchObject({ model });
    }
    await generate('hi');
    const dialects = (await app.readLog()).map(line => line.dialect);
    expect(dialects).toEqual(['ollama-chat', 'ollama-chat', 'ollama-chat', 'ollama-generate']);
  });

  it('goes on from the context of an earlier one', async () => {
    await start({ plan: { tokens: 2 } });
    const { context } = JSON.parse((await generate('one two', { stream: false })).text);
    expect(context).toHaveLength(4);
    const next = JSON.parse((await generate('three', { context, stream: false })).text);
    expect(next.prompt_eval_count).toBe(5);
  });

  it('is cut at num_ctx, prompt and answer together', async () => {
    await start({ plan: { tokens: 40 } });
    const { text } = await generate('one two three', { options: { num_ctx: 10 } });
    expect(parseLines(text).at(-1)).toMatchObject({ done_reason: 'length', eval_count: 7 });
  });

  it('tells of calls of tools as objects', async () => {
    const call = '<tool_call>{"name":"add","arguments":{"a":1}}</tool_call>';
    await start({ plan: { tool_format: 'hermes', rules: [{ match: 'add', text: `Sure. ${call}` }] } });
    const tools = [{ type: 'function', function: { name: 'add', parameters: { type: 'object' } } }];
    const { text } = await chat('add', { tools });
    const calls = parseLines(text).flatMap(
      line => (line.message as { tool_calls?: Fields[] }).tool_calls ?? [],
    );
    expect(calls).toMatchObject([{ function: { index: 0, name: 'add', arguments: { a: 1 } } }]);
    expect(contentOf(text)).toBe('Sure.');
  });

  it('is a record without text while it waits', async () => {
    await start({ plan: { prefill_ms: 300, tokens: 1 }, env: { MINIVAULT_HEARTBEAT_INTERVAL_MS: '50' } });
    const lines = parseLines((await chat('hi')).text);
    expect(lines.length).toBeGreaterThan(4);
    expect(lines[0]).toMatchObject({ message: { role: 'assistant', content: '' }, done: false });
  });
});

describe('a failure', () => {
  it.each<[Fields, number, RegExp]>([
    [{ model: 'llama3' }, 404, /^model "llama3" not found/],
    [{ tools: [{ function: { name: 'a' } }] }, 400, /"tools" is not supported/],
    [{ options: { mirostat: 1 } }, 400, /"options.mirostat" is not supported/],
    [{ options: { num_ctx: 1 } }, 400, /The prompt has 1 tokens; the context holds 1/],
    [{ stream: 'yes' }, 400, /"stream"/],
  ])('before the first byte, as of %j, has its status and is a text', async (more, status, message) => {
    await start();
    const answer = await chat('hi', more);
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.text)).toEqual({ error: expect.stringMatching(message) });
  });

  it('of a request without a body is not taken for the wish to load the model', async () => {
    await start();
    for (const path of [
      '/api/generate',
      '/api/chat',
      '/api/show',
      '/api/pull',
      '/api/embed',
      '/api/embeddings',
    ]) {
      const { status, text } = await readStream(`${app.url}${path}`);
      expect([path, status, text]).toEqual([path, 400, '{"error":"missing request body"}']);
    }
  });

  it('after the first byte is a line of its own, and no more follows', async () => {
    await start({ plan: { rules: [{ match: 'FAIL', do: 'raise', at: 2, gap_ms: 5 }] } });
    const { status, text, whole } = await chat('FAIL it');
    expect([status, whole]).toEqual([200, true]);
    const lines = parseLines(text);
    expect(lines.at(-1)).toEqual({ error: expect.any(String) });
    expect(lines.slice(0, -1).some(line => 'error' in line || line.done)).toBe(false);
  });

  it('of the worker is unseen before the first text, and a line after it', async () => {
    const rules = [
      { match: 'EARLY', do: 'exit:139', at: 0, times: 1 },
      { match: 'LATE', do: 'exit:139', at: 2, times: 1, gap_ms: 5 },
    ];
    await start({ plan: { tokens: 3, rules } });
    expect(contentOf((await chat('EARLY')).text)).toBe('EARLY EARLY EARLY');
    const { text, whole } = await chat('LATE');
    expect(whole).toBe(true);
    expect(parseLines(text).at(-1)).toEqual({ error: expect.stringContaining('worker') });
  });

  it('of an answer that is one object has its status', async () => {
    await start({ plan: { rules: [{ match: 'FAIL', do: 'raise', at: 2 }] } });
    const { status, text } = await generate('FAIL', { stream: false });
    expect([status, JSON.parse(text)]).toEqual([500, { error: expect.any(String) }]);
  });

  it('for want of room reads as Ollama’s own', async () => {
    await start({ plan: { gap_ms: 50 }, env: { MINIVAULT_QUEUE_MAX_WAITING: '0' } });
    const running = await openStream(`${app.url}/api/generate`, { body: { prompt: 'a' } });
    await running.seen(text => text.includes('\n'));
    const { status, headers, text } = await generate('b');
    expect([status, JSON.parse(text)]).toEqual([
      503,
      { error: 'server busy, please try again.  maximum pending requests exceeded' },
    ]);
    expect(Number(headers['retry-after'])).toBeGreaterThan(0);
    running.leave();
  });
});

describe('a client that leaves', () => {
  it.each([true, false])('cancels its answer, streamed: %s', async stream => {
    await start({ plan: { tokens: 100_000, gap_ms: 5 } });
    const leaving = new AbortController();
    const body = JSON.stringify({ messages: [{ role: 'user', content: 'go' }], stream });
    const headers = { 'Content-Type': 'application/json' };
    const { signal } = leaving;
    const answer = fetch(`${app.url}/api/chat`, { method: 'POST', headers, body, signal }).catch(() => null);
    await app.until(() => app.parts.worker.status().running === 1);
    if (stream) await answer;
    leaving.abort();
    await app.until(() => app.parts.admission.isQuiet);
    await app.until(async () => (await app.readLog()).length === 1);
    expect(await app.readLog()).toMatchObject([{ status: 'cancelled', dialect: 'ollama-chat' }]);
  });
});

describe('the model in memory', () => {
  const ask = async (path: string, body: Fields) => {
    const { text } = await readStream(`${app.url}${path}`, { body });
    return JSON.parse(text) as Fields;
  };

  it('is unloaded and loaded by an empty prompt or an empty chat', async () => {
    await start();
    const { pid } = app.parts.worker.status();
    expect(await ask('/api/generate', { keep_alive: 0 })).toMatchObject({ done_reason: 'unload' });
    expect(state()).toBe('unloaded');
    expect(() => process.kill(pid ?? 0, 0)).toThrow('ESRCH');
    expect(await ask('/api/chat', { messages: [] })).toMatchObject({ done: true, done_reason: 'load' });
    expect(app.parts.worker.status()).toMatchObject({ state: 'ready', restarts: 0, lastExit: null });
  });

  it('comes back by itself for whoever prompts, in any format', async () => {
    await start({ plan: { tokens: 2 } });
    await ask('/api/chat', { keep_alive: 0 });
    const answers = await Promise.all([
      chat('alpha', { stream: false }),
      readStream(`${app.url}/generate`, { body: { prompt: 'beta' } }),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(answerOf(answers[1].text)).toBe('beta beta');
  });

  it('goes after the answer that keeps it for no time, and not under another one', async () => {
    await start({
      plan: {
        slots: 2,
        rules: [
          { match: 'LONG', tokens: 30, gap_ms: 10 },
          { match: '', tokens: 2 },
        ],
      },
    });
    const long = await openStream(`${app.url}/api/generate`, { body: { prompt: 'LONG' } });
    await long.seen(text => text.includes('LONG'));
    expect((await generate('short', { keep_alive: '0s' })).whole).toBe(true);
    expect(state()).toBe('ready');
    expect(parseLines((await long.ended).text).at(-1)).toMatchObject({ done: true, done_reason: 'stop' });
    await app.until(() => state() === 'unloaded');
  });

  it('goes when it has been idle for as long as keep_alive said', async () => {
    await start({ plan: { tokens: 1 } });
    await generate('a', { keep_alive: '1h' });
    expect(app.parts.residency.expiresAt()?.getTime()).toBeGreaterThan(Date.now() + 3_000_000);
    await generate('a', { keep_alive: 1e300 });
    expect((await fetch(`${app.url}/api/ps`)).status).toBe(200);
    await generate('a', { keep_alive: 0.05 });
    await app.until(() => state() === 'unloaded');
    expect(app.parts.residency.expiresAt()).toBeNull();
  });
});
