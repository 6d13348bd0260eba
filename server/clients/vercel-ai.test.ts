// The Vercel AI SDK with its OpenAI-compatible provider against the gateway on the fake engine.
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { APICallError, generateObject, generateText, jsonSchema, streamObject, streamText, tool } from 'ai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type StartedApp, startApp } from '../testing/start-app.js';

const ANSWER = 'alpha beta alpha beta';
const CALL = '<tool_call>{"name":"add","arguments":{"a":1,"b":2}}</tool_call>';

let app: StartedApp;
let model: ReturnType<ReturnType<typeof createOpenAICompatible>>;
beforeAll(async () => {
  app = await startApp({
    plan: {
      tokens: 4,
      slots: 4,
      tool_format: 'hermes',
      cached_tokens: 1,
      rules: [
        { match: 'FAILS-AT-ONCE', do: 'raise', at: 0 },
        { match: 'FAILS-MIDWAY', do: 'raise', at: 2, gap_ms: 20 },
        { match: 'ENDLESS', tokens: 100_000, gap_ms: 5 },
        { match: 'ADD', text: `Let me see. ${CALL}` },
      ],
    },
  });
  await app.ready();
  model = createOpenAICompatible({
    name: 'minivault',
    baseURL: `${app.url}/v1`,
    includeUsage: true,
    supportsStructuredOutputs: true,
  })('fake');
});
afterAll(() => app.close());

const tools = {
  add: tool({
    inputSchema: jsonSchema<{ a: number; b: number }>({
      type: 'object',
      properties: { a: { type: 'integer' }, b: { type: 'integer' } },
    }),
    execute: ({ a, b }) => a + b,
  }),
};

describe('ai', () => {
  it('generates text with its usage', async () => {
    const { text, finishReason, usage } = await generateText({ model, prompt: 'alpha beta' });
    expect([text, finishReason]).toEqual([ANSWER, 'stop']);
    expect(usage).toMatchObject({
      inputTokens: 2,
      outputTokens: 4,
      totalTokens: 6,
      inputTokenDetails: { cacheReadTokens: 1 },
    });
  });

  it('streams text with its usage', async () => {
    const { textStream, usage, finishReason } = streamText({ model, prompt: 'alpha beta' });
    const pieces = [];
    for await (const piece of textStream) pieces.push(piece);
    expect(pieces).toEqual(['alpha', ' beta', ' alpha', ' beta']);
    expect(await usage).toMatchObject({ inputTokens: 2, outputTokens: 4 });
    expect(await finishReason).toBe('stop');
  });

  it('generates and streams objects', async () => {
    const schema = z.object({ name: z.string(), people: z.int() });
    const { object } = await generateObject({ model, schema, prompt: 'alpha' });
    expect(schema.parse(object)).toEqual(object);
    let last: unknown;
    for await (const part of streamObject({ model, schema, prompt: 'alpha' }).partialObjectStream)
      last = part;
    expect(last).toEqual(object);
  });

  it('runs the tools that are called, whole and streamed', async () => {
    const called = [{ toolName: 'add', input: { a: 1, b: 2 } }];
    const whole = await generateText({ model, prompt: 'ADD', tools });
    expect(whole).toMatchObject({ text: 'Let me see.', toolCalls: called, toolResults: [{ output: 3 }] });
    const streamed = streamText({ model, prompt: 'ADD', tools });
    await streamed.consumeStream();
    expect(await streamed.toolCalls).toMatchObject(called);
    expect(await streamed.text).toBe('Let me see.');
  });

  it('throws an error that comes before the first byte, with its words', async () => {
    const asked = generateText({ model, prompt: 'FAILS-AT-ONCE', maxRetries: 0 });
    const thrown = await asked.catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(APICallError);
    expect(thrown).toMatchObject({ statusCode: 500, responseBody: expect.stringContaining('worker_error') });
  });

  it('tells an error that comes after the first byte', async () => {
    const errors: unknown[] = [];
    const { textStream } = streamText({
      model,
      prompt: 'FAILS-MIDWAY',
      onError: ({ error }) => {
        errors.push(error);
      },
    });
    let text = '';
    for await (const piece of textStream) text += piece;
    expect(text).toBe('FAILS-MIDWAY FAILS-MIDWAY');
    expect(errors).toHaveLength(1);
  });

  it('cancels what it leaves', async () => {
    const leaver = new AbortController();
    const { textStream } = streamText({ model, prompt: 'ENDLESS', abortSignal: leaver.signal });
    for await (const _ of textStream) {
      leaver.abort();
      break;
    }
    await app.until(() => app.parts.worker.status().running === 0);
  });
});
