// Ollama's clients against the gateway with the real model.
import path from 'node:path';
import { ChatOllama } from '@langchain/ollama';
import { Ollama } from 'ollama';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type StartedApp, startApp } from '../testing/start-app.js';
import { until } from '../testing/until.js';

const LOAD_TIMEOUT_MS = 60_000;
const MODEL = 'smollm2-135m-instruct';

let app: StartedApp;
let client: Ollama;
beforeAll(async () => {
  const data = path.resolve(import.meta.dirname, '../../data');
  app = await startApp({ env: { MINIVAULT_ENGINE: 'batched', MINIVAULT_DATA_DIR: data } });
  await until(() => app.parts.worker.status().state === 'ready', LOAD_TIMEOUT_MS);
  client = new Ollama({ host: app.url });
}, LOAD_TIMEOUT_MS);
afterAll(() => app.close());

const options = { temperature: 0, num_predict: 24 };
const messages = [{ role: 'user', content: 'Name three colours.' }];

describe('the real model', () => {
  it('answers ollama whole and streamed alike, with usage', async () => {
    const whole = await client.chat({ model: MODEL, messages, options });
    expect(whole.message.content).toMatch(/red|blue|green/i);
    expect(whole.eval_count).toBeLessThanOrEqual(24);
    expect(whole.prompt_eval_count).toBeGreaterThan(10);
    let streamed = '';
    for await (const part of await client.chat({ model: MODEL, messages, options, stream: true })) {
      streamed += part.message.content;
    }
    expect(streamed).toBe(whole.message.content);
  });

  it('goes on from a context as if it had been one chat', async () => {
    const first = await client.generate({ model: MODEL, prompt: 'My name is Ada.', options });
    const { context } = first;
    const next = await client.generate({ model: MODEL, prompt: 'What is my name?', context, options });
    expect(next.prompt_eval_count).toBeGreaterThan(context.length);
    expect(next.response).toContain('Ada');
  });

  it('answers ChatOllama', async () => {
    const model = new ChatOllama({ baseUrl: app.url, model: MODEL, temperature: 0, numPredict: 24 });
    const answer = await model.invoke('Name three colours.');
    expect(answer.content).toMatch(/red|blue|green/i);
    expect(answer.usage_metadata).toMatchObject({ output_tokens: expect.any(Number) });
  });

  it('is shown as it is', async () => {
    const { details, model_info: info, template } = await client.show({ model: MODEL });
    expect(details).toMatchObject({ family: 'llama', format: 'safetensors' });
    expect(info).toMatchObject({ 'llama.block_count': 30, 'llama.context_length': 8_192 });
    expect(template).toContain('<|im_start|>');
    expect((await client.list()).models[0]?.size).toBeGreaterThan(200_000_000);
  });

  it('leaves memory and comes back', async () => {
    await client.generate({ model: MODEL, prompt: '', keep_alive: 0 });
    expect(app.parts.worker.status()).toMatchObject({ state: 'unloaded', pid: null });
    expect((await client.chat({ model: MODEL, messages, options })).message.content).not.toBe('');
  });
});
