// LangChain's ChatOllama against the gateway on the fake engine.
import { AIMessageChunk } from '@langchain/core/messages';
import { ChatOllama } from '@langchain/ollama';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type StartedApp, startApp } from '../testing/start-app.js';

let app: StartedApp;
let model: ChatOllama;
beforeAll(async () => {
  app = await startApp({
    plan: {
      tokens: 4,
      tool_format: 'hermes',
      rules: [
        { match: 'FAILS-AT-ONCE', do: 'raise', at: 0 },
        { match: 'FAILS-MIDWAY', do: 'raise', at: 2, gap_ms: 20 },
        { match: 'ENDLESS', tokens: 100_000, gap_ms: 5 },
        { match: 'ADD', text: '<tool_call>{"name":"add","arguments":{"a":1,"b":2}}</tool_call>' },
      ],
    },
  });
  await app.ready();
  model = new ChatOllama({ baseUrl: app.url, model: 'fake', maxRetries: 0, checkOrPullModel: true });
});
afterAll(() => app.close());

const ADD = {
  type: 'function',
  function: { name: 'add', description: 'The sum.', parameters: { type: 'object', properties: {} } },
} as const;

describe('ChatOllama', () => {
  it('gets a whole answer with its usage', async () => {
    const answer = await model.invoke([
      ['system', 'Be brief.'],
      ['human', 'alpha beta'],
    ]);
    expect(answer.content).toBe('alpha beta alpha beta');
    expect(answer.usage_metadata).toMatchObject({ output_tokens: 4 });
    expect(answer.response_metadata).toMatchObject({ done_reason: 'stop', model: 'fake' });
  });

  it('streams the same answer', async () => {
    let whole = new AIMessageChunk('');
    for await (const chunk of await model.stream('alpha beta')) whole = whole.concat(chunk);
    expect(whole.content).toBe('alpha beta alpha beta');
  });

  it('hears of errors before and after the first byte', async () => {
    const other = new ChatOllama({ baseUrl: app.url, model: 'llama3', maxRetries: 0 });
    await expect(other.invoke('a')).rejects.toThrow(/model "llama3" not found/);
    await expect(model.invoke('FAILS-AT-ONCE')).rejects.toThrow(/The model failed/);
    await expect(model.invoke('FAILS-MIDWAY now')).rejects.toThrow(/The model failed/);
  });

  // Its `signal` only ends what it hands on, and leaves the connection open and unread; its client breaks it.
  it('cancels when its client is told to', async () => {
    const read = async () => {
      for await (const _ of await model.stream('ENDLESS')) model.client.abort();
    };
    await expect(read()).rejects.toThrow(/abort/i);
    await app.until(() => app.parts.admission.isQuiet);
    expect((await app.readLog()).at(-1)).toMatchObject({ status: 'cancelled' });
  });

  it('calls tools', async () => {
    const { tool_calls: calls } = await model.bindTools([ADD]).invoke('ADD');
    expect(calls).toMatchObject([{ name: 'add', args: { a: 1, b: 2 } }]);
  });
});
