// The replaced systems' routes with the real model.
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jobTextOf, openJobStream, submitJob } from '../testing/job-stream.js';
import { dataOf } from '../testing/read-events.js';
import { readStream } from '../testing/read-stream.js';
import { type StartedApp, startApp } from '../testing/start-app.js';
import { until } from '../testing/until.js';

const LOAD_TIMEOUT_MS = 120_000;
const SHORT = { temperature: 0, max_tokens: 24 };

let app: StartedApp;
beforeAll(async () => {
  app = await startApp({
    env: {
      MINIVAULT_ENGINE: 'batched',
      MINIVAULT_DATA_DIR: path.resolve(import.meta.dirname, '..', '..', 'data'),
    },
  });
  await until(() => app.parts.worker.status().state === 'ready', LOAD_TIMEOUT_MS);
}, LOAD_TIMEOUT_MS);
afterAll(() => app.close());

const chat = (content: string, stream: boolean) =>
  readStream(`${app.url}/api/v1/chat`, {
    body: { messages: [{ role: 'user', content }], stream, ...SHORT },
  });

describe('the real model', () => {
  it('says in a stream of system D what it says at once', async () => {
    const records = dataOf((await chat('Why is the sky blue?', true)).text);
    expect(records.at(-1)).toBe('[DONE]');
    const streamed = records.map(record => (record as { content?: string }).content ?? '').join('');
    const { content } = JSON.parse((await chat('Why is the sky blue?', false)).text) as { content: string };
    expect(content).toMatch(/sky|light|scatter/i);
    expect(streamed).toBe(content);
  });

  it('answers a submitted job from its context', async () => {
    const stream = await openJobStream(app.url, 'me');
    await submitJob(app.url, 'me', 'What is the name of the cat?', {
      context: 'Anna has a grey cat. The cat is called Bertram.',
      ...SHORT,
    });
    await stream.heard('done');
    expect(jobTextOf(stream.events())).toContain('Bertram');
    stream.leave();
  });

  it("says the same as bare text and as OpenAI's chunks", async () => {
    const body = { prompt: 'Name three colours.', ...SHORT };
    const { text, whole } = await readStream(`${app.url}/stream`, { body });
    expect([whole, text.length > 5]).toEqual([true, true]);
    const chunks = dataOf((await readStream(`${app.url}/stream?stream_format=openai`, { body })).text);
    const streamed = chunks
      .slice(0, -1)
      .map(
        chunk => (chunk as { choices: { delta: { content?: string } }[] }).choices[0]?.delta.content ?? '',
      );
    expect(streamed.join('')).toBe(text);
  });
});
