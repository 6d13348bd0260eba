// The engine `batched` behind the gateway, with the real model: prompts at once, each answered as if it were alone.
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { answerOf, openStream, readStream } from './testing/read-stream.js';
import { type StartedApp, startApp } from './testing/start-app.js';
import { until } from './testing/until.js';

const LOAD_TIMEOUT_MS = 120_000;
const PROMPTS = [
  // Still being read when the others come, since it was never read before.
  `Summarise in a line: ${Array(150).fill('the river was long and slow').join(', ')}.`,
  'Why is the sky blue?',
  'Invent a name for a boat.',
  'Count from one to twenty.',
];

let app: StartedApp;
beforeAll(async () => {
  app = await startApp({
    env: {
      MINIVAULT_ENGINE: 'batched',
      MINIVAULT_SLOTS: '4',
      MINIVAULT_DATA_DIR: path.resolve(import.meta.dirname, '..', 'data'),
    },
  });
  await until(() => app.parts.worker.status().state === 'ready', LOAD_TIMEOUT_MS);
}, LOAD_TIMEOUT_MS);
afterAll(() => app.close());

const bodyOf = (prompt: string, seed: number) => ({ prompt, seed, temperature: 0.8, max_tokens: 48 });

it('has the slots that were asked for', () => {
  expect(app.parts.worker.status()).toMatchObject({ engine: 'batched', slots: 4 });
});

it('answers four prompts at once, each with what it gets alone with the same seed', async context => {
  const allRun = until(() => app.parts.worker.status().running === PROMPTS.length);
  const together = await Promise.all(
    PROMPTS.map((prompt, seed) => readStream(`${app.url}/generate`, { body: bodyOf(prompt, seed) })),
  );
  await allRun;
  expect(together.map(({ status, whole }) => [status, whole])).toEqual(PROMPTS.map(() => [200, true]));
  const alone: string[] = [];
  for (const [seed, prompt] of PROMPTS.entries()) {
    alone.push(answerOf((await readStream(`${app.url}/generate`, { body: bodyOf(prompt, seed) })).text));
  }
  if (app.parts.worker.status().model?.dtype !== 'int8')
    context.skip('without the compiled step, sums in bfloat16 depend on what else is computed');
  expect(together.map(({ text }) => answerOf(text))).toEqual(alone);
  expect(new Set(alone).size).toBe(PROMPTS.length);
});

it('gives the place of a client that left to the next', async () => {
  const streams = await Promise.all(
    [1, 2, 3, 4].map(n =>
      openStream(`${app.url}/generate`, { body: { prompt: `Tell a long story ${n}.`, max_tokens: 4_000 } }),
    ),
  );
  await Promise.all(streams.map(stream => stream.seen(text => text.split('\n').length > 4)));
  const next = readStream(`${app.url}/generate`, { body: bodyOf('Say hello.', 1) });
  streams[0]?.leave();
  expect((await next).whole).toBe(true);
  for (const stream of streams.slice(1)) stream.leave();
  await until(() => app.parts.worker.status().running === 0);
});
