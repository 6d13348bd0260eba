// The real model, asked the same again: the promise of every seed in the log.
import path from 'node:path';
import request from 'supertest';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readStream } from '../testing/read-stream.js';
import { type StartedApp, startApp } from '../testing/start-app.js';
import { until } from '../testing/until.js';

const LOAD_TIMEOUT_MS = 120_000;

let app: StartedApp;
beforeAll(async () => {
  app = await startApp({
    vault: true,
    env: {
      MINIVAULT_ENGINE: 'batched',
      MINIVAULT_DATA_DIR: path.resolve(import.meta.dirname, '..', '..', 'data'),
    },
  });
  await until(() => app.parts.worker.status().state === 'ready', LOAD_TIMEOUT_MS);
}, LOAD_TIMEOUT_MS);
afterAll(() => app.close());

async function ask(route: string, body: object): Promise<string> {
  await readStream(`${app.url}${route}`, { body });
  const id = String((await app.readLog()).at(-1)?.id);
  await until(() => app.parts.vault.caughtUp());
  return id;
}

it.each<[string, string, object]>([
  ['greedy', '/generate', { prompt: 'Why is the sky blue?', temperature: 0, max_tokens: 40 }],
  [
    'a seed at temperature 1',
    '/generate',
    { prompt: 'Tell me a story.', temperature: 1, seed: 42, max_tokens: 60 },
  ],
  ['a seed that was drawn', '/generate', { prompt: 'Tell me a story.', temperature: 1, max_tokens: 40 }],
  [
    'a conversation',
    '/v1/chat/completions',
    {
      messages: [
        { role: 'system', content: 'You are a pirate.' },
        { role: 'user', content: 'Who are you?' },
      ],
      temperature: 0.8,
      max_tokens: 30,
    },
  ],
  ['a bare text', '/v1/completions', { prompt: 'Once upon a time', max_tokens: 20, temperature: 1 }],
  ['token ids', '/v1/completions', { prompt: [504, 2427, 314], max_tokens: 20, temperature: 1 }],
])('replays %s word by word', async (_what, route, body) => {
  const id = await ask(route, body);
  const { body: answer } = await request(app.url).post(`/history/${id}/replay`).expect(200);
  expect(answer).toMatchObject({ equal: true, replay_of: id, first_difference: null });
  expect(answer.response).not.toBe('');
});

it('says another thing with another seed, so that equality means something', async () => {
  const ids = [1, 2].map(seed => ({ prompt: 'Tell me a story.', temperature: 1, seed, max_tokens: 30 }));
  for (const body of ids) await ask('/generate', body);
  const [first, second] = (await app.readLog()).slice(-2);
  expect(first?.response).not.toBe(second?.response);
});
