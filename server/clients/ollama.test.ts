// Ollama's own JavaScript client against the gateway on the fake engine.
import { Ollama } from 'ollama';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type StartedApp, startApp } from '../testing/start-app.js';

let app: StartedApp;
let client: Ollama;
beforeAll(async () => {
  app = await startApp({
    plan: {
      tokens: 4,
      slots: 4,
      tool_format: 'hermes',
      rules: [
        { match: 'FAILS-AT-ONCE', do: 'raise', at: 0 },
        { match: 'FAILS-MIDWAY', do: 'raise', at: 2, gap_ms: 20 },
        { match: 'ENDLESS', tokens: 100_000, gap_ms: 5 },
        { match: 'LATE', prefill_ms: 200 },
        { match: 'ADD', text: '<tool_call>{"name":"add","arguments":{"a":1,"b":2}}</tool_call>' },
      ],
    },
    env: { MINIVAULT_HEARTBEAT_INTERVAL_MS: '20' },
  });
  await app.ready();
  client = new Ollama({ host: app.url });
});
afterAll(() => app.close());

const ANSWER = 'alpha beta alpha beta';
const ask = (content: string) => ({ model: 'fake', messages: [{ role: 'user', content }] });

describe('ollama', () => {
  it('gets whole answers with their figures', async () => {
    const generated = await client.generate({ model: 'fake', prompt: 'alpha beta' });
    expect(generated).toMatchObject({
      response: ANSWER,
      done: true,
      done_reason: 'stop',
      prompt_eval_count: 2,
      eval_count: 4,
    });
    expect(Number.isInteger(generated.total_duration)).toBe(true);
    expect(generated.context).toHaveLength(6);
    const said = await client.chat(ask('alpha beta'));
    expect(said).toMatchObject({ message: { role: 'assistant', content: ANSWER }, eval_count: 4 });
  });

  it('streams the same answers, through heartbeats, too', async () => {
    let generated = '';
    for await (const part of await client.generate({ model: 'fake', prompt: 'alpha beta', stream: true })) {
      generated += part.response;
    }
    expect(generated).toBe(ANSWER);
    const parts = [];
    for await (const part of await client.chat({ ...ask('LATE beta'), stream: true })) parts.push(part);
    expect(parts.map(({ message }) => message.content).join('')).toBe('LATE beta LATE beta');
    expect(parts.length).toBeGreaterThan(6);
    expect(parts.at(-1)).toMatchObject({ done: true, done_reason: 'stop', eval_count: 4 });
  });

  it('reads a stream that comes byte by byte', async () => {
    const byByte = new Ollama({
      host: app.url,
      fetch: async (url, init) => {
        const { body, headers, status } = await fetch(url, init);
        const bytes = new TransformStream<Uint8Array, Uint8Array>({
          transform: (chunk, out) => {
            for (const byte of chunk) out.enqueue(Uint8Array.of(byte));
          },
        });
        return new Response(body?.pipeThrough(bytes) ?? null, { headers, status });
      },
    });
    let said = '';
    for await (const part of await byByte.chat({ ...ask('Grüße 👋'), stream: true })) {
      said += part.message.content;
    }
    expect(said).toBe('Grüße 👋 Grüße 👋');
  });

  it('hears of errors before and after the first byte', async () => {
    await expect(client.chat({ ...ask('a'), model: 'llama3' })).rejects.toMatchObject({
      status_code: 404,
      message: expect.stringMatching(/^model "llama3" not found/),
    });
    await expect(client.chat(ask('FAILS-AT-ONCE'))).rejects.toMatchObject({ status_code: 500 });
    const parts: string[] = [];
    const read = async () => {
      for await (const { message } of await client.chat({ ...ask('FAILS-MIDWAY now'), stream: true })) {
        parts.push(message.content);
      }
    };
    await expect(read()).rejects.toThrow(/The model failed/);
    expect(parts.join('')).toBe('FAILS-MIDWAY now');
  });

  it('cancels what it no longer reads', async () => {
    const stream = await client.chat({ ...ask('ENDLESS'), stream: true });
    const read = async () => {
      for await (const _ of stream) client.abort();
    };
    await expect(read()).rejects.toThrow(/abort/i);
    await app.until(() => app.parts.admission.isQuiet);
    expect((await app.readLog()).at(-1)).toMatchObject({ status: 'cancelled', dialect: 'ollama-chat' });
  });

  it('calls tools', async () => {
    const tools = [
      {
        type: 'function',
        function: { name: 'add', description: 'The sum.', parameters: { type: 'object' } },
      },
    ];
    const { message } = await client.chat({ ...ask('ADD'), tools });
    expect(message.tool_calls).toMatchObject([{ function: { name: 'add', arguments: { a: 1, b: 2 } } }]);
    const turns = [
      { role: 'user', content: 'ADD' },
      message,
      { role: 'tool', content: '3', tool_name: 'add' },
    ];
    expect((await client.chat({ model: 'fake', messages: turns, tools })).done).toBe(true);
  });

  it('asks what there is', async () => {
    expect((await client.list()).models[0]).toMatchObject({ name: 'fake:latest' });
    expect((await client.ps()).models).toMatchObject([{ name: 'fake:latest', context_length: 8_192 }]);
    expect(await client.show({ model: 'fake' })).toMatchObject({ capabilities: ['completion', 'tools'] });
    expect((await client.version()).version).toMatch(/^0\./);
    expect(await client.pull({ model: 'fake' })).toEqual({ status: 'success' });
    const progress = [];
    for await (const { status } of await client.pull({ model: 'fake', stream: true })) progress.push(status);
    expect(progress).toEqual(['pulling manifest', 'success']);
    await expect(client.delete({ model: 'fake' })).rejects.toMatchObject({ status_code: 400 });
  });

  it('loads and unloads', async () => {
    expect(await client.generate({ model: 'fake', prompt: '', keep_alive: 0 })).toMatchObject({
      done_reason: 'unload',
    });
    expect((await client.ps()).models).toEqual([]);
    expect(await client.chat({ model: 'fake', messages: [] })).toMatchObject({ done_reason: 'load' });
    expect((await client.ps()).models).toHaveLength(1);
  });
});
