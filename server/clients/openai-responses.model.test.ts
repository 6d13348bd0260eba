// OpenAI's own SDK, its responses, and the real model: whole, streamed, gone on from, with usage.
import path from 'node:path';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type StartedApp, startApp } from '../testing/start-app.js';

let app: StartedApp;
let client: OpenAI;
beforeAll(async () => {
  const data = path.resolve(import.meta.dirname, '..', '..', 'data');
  app = await startApp({ env: { MINIVAULT_ENGINE: 'batched', MINIVAULT_DATA_DIR: data } });
  client = new OpenAI({ baseURL: `${app.url}/v1`, apiKey: 'none' });
});
afterAll(() => app.close());

const ask = (input: string) => ({
  input,
  model: 'smollm2-135m-instruct',
  temperature: 0,
  max_output_tokens: 40,
});

describe('responses of the openai SDK and the real model', () => {
  it('are the same whole, streamed and from the background', async () => {
    const whole = await client.responses.create(ask('Why is the sky blue?'));
    expect(whole.output_text).toMatch(/\b(?:light|sky|blue|scatter)/i);
    expect(whole).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
      usage: { output_tokens: 40 },
    });
    const streamed = await client.responses.stream(ask('Why is the sky blue?')).finalResponse();
    expect(streamed.output_text).toBe(whole.output_text);
    const { id } = await client.responses.create({ ...ask('Why is the sky blue?'), background: true });
    const again = await client.responses.retrieve(id, { stream: true });
    let text = '';
    for await (const event of again) if (event.type === 'response.output_text.delta') text += event.delta;
    expect(text).toBe(whole.output_text);
  });

  it('go on as if all that was said before had been sent again', async () => {
    const first = await client.responses.create(ask('My name is Ada. Say hello to me.'));
    const second = await client.responses.create({
      ...ask('What is my name?'),
      previous_response_id: first.id,
    });
    const sentAgain = await client.responses.create({
      ...ask(''),
      input: [
        { role: 'user', content: 'My name is Ada. Say hello to me.' },
        { role: 'assistant', content: first.output_text },
        { role: 'user', content: 'What is my name?' },
      ],
    });
    expect(second.output_text).toBe(sentAgain.output_text);
    expect(second.usage?.input_tokens).toBe(sentAgain.usage?.input_tokens);
  });
});
