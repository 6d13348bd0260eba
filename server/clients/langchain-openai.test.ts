// LangChain's ChatOpenAI against the gateway on the fake engine.
import { AIMessage, type AIMessageChunk, HumanMessage, ToolMessage } from '@langchain/core/messages';
import { tool } from '@langchain/core/tools';
import { ChatOpenAI } from '@langchain/openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type StartedApp, startApp } from '../testing/start-app.js';

const ANSWER = 'alpha beta alpha beta';
const CALL = '<tool_call>{"name":"add","arguments":{"a":1,"b":2}}</tool_call>';

let app: StartedApp;
let model: ChatOpenAI;
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
        { match: 'ADD', text: CALL },
      ],
    },
  });
  await app.ready();
  model = new ChatOpenAI({
    model: 'fake',
    apiKey: 'none',
    maxRetries: 0,
    configuration: { baseURL: `${app.url}/v1` },
  });
});
afterAll(() => app.close());

const add = tool(({ a, b }) => String(a + b), {
  name: 'add',
  description: 'The sum.',
  schema: z.object({ a: z.number(), b: z.number() }),
});

describe('ChatOpenAI', () => {
  it('gets a whole message with its usage', async () => {
    const message = await model.invoke('alpha beta');
    expect(message.content).toBe(ANSWER);
    expect(message.usage_metadata).toMatchObject({ input_tokens: 2, output_tokens: 4, total_tokens: 6 });
    expect(message.response_metadata).toMatchObject({ finish_reason: 'stop' });
  });

  it('streams the same message with its usage', async () => {
    let text = '';
    const usages: unknown[] = [];
    for await (const chunk of await model.stream('alpha beta')) {
      text += chunk.content;
      if (chunk.usage_metadata) usages.push(chunk.usage_metadata);
    }
    expect(text).toBe(ANSWER);
    expect(usages).toMatchObject([{ total_tokens: 6 }]);
  });

  it('calls tools and sends their results back', async () => {
    const withTools = model.bindTools([add]);
    const called = await withTools.invoke('ADD');
    expect(called.tool_calls).toMatchObject([{ name: 'add', args: { a: 1, b: 2 } }]);
    let streamed: AIMessageChunk | undefined;
    for await (const chunk of await withTools.stream('ADD')) streamed = streamed?.concat(chunk) ?? chunk;
    expect(streamed?.tool_calls).toMatchObject([{ name: 'add', args: { a: 1, b: 2 } }]);
    const [call] = called.tool_calls ?? [];
    const last = await withTools.invoke([
      new HumanMessage('ADD'),
      new AIMessage({ content: '', tool_calls: call ? [call] : [] }),
      new ToolMessage({ content: '3', tool_call_id: call?.id ?? '' }),
      new HumanMessage('alpha beta'),
    ]);
    expect(last.content).toBe(ANSWER);
  });

  it('gets output in the shape of a schema', async () => {
    const place = z.object({ name: z.string(), people: z.number() });
    const structured = model.withStructuredOutput(place, { method: 'jsonSchema' });
    expect(place.parse(await structured.invoke('alpha'))).toBeTruthy();
    const byCall = model.withStructuredOutput(place, { method: 'functionCalling' });
    expect(place.parse(await byCall.invoke('alpha'))).toBeTruthy();
  });

  it('throws errors that come before and after the first byte', async () => {
    await expect(model.invoke('FAILS-AT-ONCE')).rejects.toMatchObject({ code: 'worker_error' });
    let text = '';
    const read = async (): Promise<void> => {
      for await (const chunk of await model.stream('FAILS-MIDWAY')) text += chunk.content;
    };
    await expect(read()).rejects.toThrow();
    expect(text).toBe('FAILS-MIDWAY FAILS-MIDWAY');
  });

  it('cancels what it leaves', async () => {
    const leaver = new AbortController();
    const read = async (): Promise<void> => {
      for await (const _ of await model.stream('ENDLESS', { signal: leaver.signal })) leaver.abort();
    };
    await expect(read()).rejects.toThrow();
    await app.until(() => app.parts.worker.status().running === 0);
  });
});
