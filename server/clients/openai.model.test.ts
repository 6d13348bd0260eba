// The real model behind OpenAI's clients, and behind system B's own sample client.
import { availableParallelism, loadavg } from 'node:os';
import path from 'node:path';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { ChatOpenAI } from '@langchain/openai';
import { streamText } from 'ai';
import OpenAI from 'openai';
import { zodResponseFormat } from 'openai/helpers/zod';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { type StartedApp, startApp } from '../testing/start-app.js';
import { until } from '../testing/until.js';

const LOAD_TIMEOUT_MS = 120_000;
const ENOUGH_CHARACTERS = 1_800;
const MODEL = 'smollm2-135m-instruct';

let app: StartedApp;
let client: OpenAI;
beforeAll(async () => {
  app = await startApp({
    env: {
      MINIVAULT_ENGINE: 'batched',
      MINIVAULT_DATA_DIR: path.resolve(import.meta.dirname, '../..', 'data'),
    },
  });
  await until(() => app.parts.worker.status().state === 'ready', LOAD_TIMEOUT_MS);
  client = new OpenAI({ baseURL: `${app.url}/v1`, apiKey: 'none' });
}, LOAD_TIMEOUT_MS);
afterAll(() => app.close());

const SKY = { model: MODEL, messages: [{ role: 'user' as const, content: 'Why is the sky blue?' }] };

it('answers whole and streamed alike, and counts the same tokens', async () => {
  const asked = { ...SKY, temperature: 0, max_tokens: 40 };
  const whole = await client.chat.completions.create(asked);
  const text = whole.choices[0]?.message.content;
  expect(text).toMatch(/light|scatter|atmosphere/i);
  expect(whole.choices[0]?.finish_reason).toBe('length');
  expect(whole.usage).toMatchObject({ completion_tokens: 40 });
  expect(whole.system_fingerprint).toMatch(/^fp_[0-9a-f]{10}_\w+$/);
  const stream = client.chat.completions.stream({ ...asked, stream_options: { include_usage: true } });
  const streamed = await stream.finalChatCompletion();
  expect(streamed.choices[0]?.message.content).toBe(text);
  expect(streamed.usage).toMatchObject({
    prompt_tokens: whole.usage?.prompt_tokens,
    completion_tokens: 40,
  });
  expect(streamed.usage?.prompt_tokens_details?.cached_tokens).toBeGreaterThan(0);
});

it('draws choices that differ, each again from its seed', async () => {
  const asked = { ...SKY, temperature: 1, max_tokens: 12, n: 3, seed: 7 };
  const texts = async () =>
    (await client.chat.completions.create(asked)).choices.map(({ message }) => message.content);
  const first = await texts();
  expect(new Set(first).size).toBe(3);
  if (app.parts.worker.status().model?.dtype === 'int8') expect(await texts()).toEqual(first);
});

it('tells log-probabilities that add up to the text', async () => {
  const { choices } = await client.chat.completions.create({
    ...SKY,
    temperature: 0,
    max_tokens: 8,
    logprobs: true,
    top_logprobs: 2,
  });
  const tokens = choices[0]?.logprobs?.content ?? [];
  expect(tokens.map(({ token }) => token).join('')).toBe(choices[0]?.message.content);
  for (const { token, logprob, bytes, top_logprobs } of tokens) {
    expect(bytes).toEqual([...Buffer.from(token)]);
    expect(logprob).toBeLessThanOrEqual(0);
    expect(top_logprobs[0]).toMatchObject({ token, logprob });
  }
});

it('answers in the shape of a schema', async () => {
  const boat = z.object({ name: z.string(), length: z.int(), colour: z.enum(['red', 'blue']) });
  const { choices } = await client.chat.completions.parse({
    model: MODEL,
    messages: [{ role: 'user', content: 'Describe a boat.' }],
    response_format: zodResponseFormat(boat, 'boat'),
    max_tokens: 200,
  });
  expect(boat.parse(choices[0]?.message.parsed)).toBeTruthy();
});

it('goes on from a text, from its tokens, and echoes them', async () => {
  const asked = { model: MODEL, temperature: 0, max_tokens: 6, echo: true };
  const { choices } = await client.completions.create({ ...asked, prompt: 'The capital of France is' });
  expect(choices[0]?.text).toMatch(/^The capital of France is/);
  const byIds = await client.completions.create({ ...asked, prompt: [504, 2155] });
  expect(byIds.choices[0]?.text.length).toBeGreaterThan(6);
});

it('bans a token by its bias, and forces another', async () => {
  const asked = { model: MODEL, temperature: 0, max_tokens: 1, prompt: 'One two' };
  const textOf = async (logit_bias: Record<string, number> = {}) =>
    (await client.completions.create({ ...asked, logit_bias })).choices[0]?.text;
  const usual = await textOf();
  const forced = await textOf({ 504: 100 });
  expect(forced).not.toBe(usual);
  expect(await textOf({ 504: -100 })).toBe(usual);
  expect(await app.parts.worker.detokenize([504], new AbortController().signal)).toBe(forced);
});

it('streams to the Vercel AI SDK and to LangChain', async () => {
  const model = createOpenAICompatible({ name: 'minivault', baseURL: `${app.url}/v1`, includeUsage: true })(
    MODEL,
  );
  const { textStream, usage } = streamText({ model, prompt: 'Say hello.', maxOutputTokens: 8 });
  let pieces = 0;
  for await (const _ of textStream) pieces += 1;
  expect(pieces).toBeGreaterThan(1);
  expect((await usage).outputTokens).toBeGreaterThan(1);
  const chat = new ChatOpenAI({
    model: MODEL,
    apiKey: 'none',
    maxTokens: 8,
    configuration: { baseURL: `${app.url}/v1` },
  });
  const { usage_metadata: counted } = await chat.invoke('Say hello.');
  expect(counted).toMatchObject({ output_tokens: expect.any(Number) });
});

/** As system B's own: splits raw chunks at line ends, prints `choices[0].delta.content`. */
async function sampleClientOfB(prompt: string) {
  const beganMs = performance.now();
  const response = await fetch(`${app.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ prompt, stream: true, seed: 1 }),
  });
  let text = '';
  let chunks = 0;
  let firstMs = 0;
  const decoder = new TextDecoder();
  for await (const bytes of response.body ?? []) {
    for (const line of decoder.decode(bytes).split('\n')) {
      if (!line.startsWith('data: ') || line === 'data: [DONE]') continue;
      const content = JSON.parse(line.slice('data: '.length)).choices[0]?.delta?.content;
      if (!content) continue;
      firstMs ||= performance.now() - beganMs;
      chunks += 1;
      text += content;
    }
    if (text.length > ENOUGH_CHARACTERS) break;
  }
  return { text, chunks, firstMs, seconds: (performance.now() - beganMs - firstMs) / 1000 };
}

it('meets the demands of system B', async context => {
  const { text, chunks, firstMs, seconds } = await sampleClientOfB(
    'Write a long story of at least 600 words about a lighthouse keeper and the sea.',
  );
  expect(text.length).toBeGreaterThan(1_375);
  expect(chunks).toBeGreaterThanOrEqual(6);
  // What follows is about speed, and with others on all cores it is theirs that would be measured.
  const [load = 0] = loadavg();
  if (load > 2 * availableParallelism()) context.skip('the machine is busy with something else');
  expect(firstMs).toBeLessThan(2_000);
  expect(chunks / seconds).toBeGreaterThan(30);
});
