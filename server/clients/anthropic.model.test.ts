// Anthropic's own SDK and the real model: whole, streamed, with usage.
import path from 'node:path';
import Anthropic from '@anthropic-ai/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type StartedApp, startApp } from '../testing/start-app.js';

let app: StartedApp;
let client: Anthropic;
beforeAll(async () => {
  const data = path.resolve(import.meta.dirname, '..', '..', 'data');
  app = await startApp({ env: { MINIVAULT_ENGINE: 'batched', MINIVAULT_DATA_DIR: data } });
  client = new Anthropic({ baseURL: app.url, apiKey: 'none' });
});
afterAll(() => app.close());

const ask = (content: string, more: Partial<Anthropic.MessageCreateParamsNonStreaming> = {}) => ({
  model: 'smollm2-135m-instruct',
  max_tokens: 40,
  temperature: 0,
  messages: [{ role: 'user' as const, content }],
  ...more,
});
const textOf = ({ content }: Anthropic.Message) =>
  content.map(block => (block.type === 'text' ? block.text : '')).join('');

describe('@anthropic-ai/sdk and the real model', () => {
  it('gets the same answer whole and streamed, with the tokens that count_tokens counts', async () => {
    const question = 'Why is the sky blue?';
    const whole = await client.messages.create(ask(question));
    expect(textOf(whole)).toMatch(/\b(?:light|sky|blue|scatter)/i);
    const streamed = await client.messages.stream(ask(question)).finalMessage();
    expect(streamed.content).toEqual(whole.content);
    const { input_tokens: counted } = await client.messages.countTokens({
      model: 'smollm2-135m-instruct',
      messages: [{ role: 'user', content: question }],
    });
    for (const { usage } of [whole, streamed]) {
      expect(usage.input_tokens + (usage.cache_read_input_tokens ?? 0)).toBe(counted);
    }
    expect(whole).toMatchObject({ stop_reason: 'max_tokens', usage: { output_tokens: 40 } });
  });

  it('goes on from what the assistant has begun, and stops where it is told to', async () => {
    const messages: Anthropic.MessageParam[] = [
      { role: 'user', content: 'Count from 1 to 9.' },
      { role: 'assistant', content: '1, 2, 3,' },
    ];
    const message = await client.messages.create(ask('', { messages, stop_sequences: ['6'] }));
    expect(textOf(message)).toMatch(/^ 4, 5, ?$/);
    expect(message).toMatchObject({ stop_reason: 'stop_sequence', stop_sequence: '6' });
  });
});
