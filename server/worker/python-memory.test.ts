// A real worker that keeps memory with every prompt, behind the whole gateway: nobody notices that it is replaced.
import { afterEach, expect, it } from 'vitest';
import { answerOf, readStream } from '../testing/read-stream.js';
import { type StartedApp, startApp } from '../testing/start-app.js';

const MIB = 1024 ** 2;
const MAX_RSS_BYTES = 200 * MIB;
const PROMPTS = 16;

let app: StartedApp;
afterEach(() => app.close());

it('replaces a worker that takes too much memory between prompts, and none of them is lost', async () => {
  app = await startApp({
    plan: { slots: 2, tokens: 10, gap_ms: 60, rules: [{ match: 'leak', at: 0, do: 'leak:40MB' }] },
    env: { MINIVAULT_WORKER_MAX_RSS_BYTES: String(MAX_RSS_BYTES) },
  });
  await app.ready();
  const answers = await Promise.all(
    Array.from({ length: PROMPTS }, (_, i) =>
      readStream(`${app.url}/generate`, { body: { prompt: `leak${i}` } }),
    ),
  );
  for (const [i, { text, whole }] of answers.entries()) {
    expect(whole).toBe(true);
    expect(answerOf(text)).toBe(Array(10).fill(`leak${i}`).join(' '));
  }
  await app.ready();
  const { worker } = (await (await fetch(`${app.url}/health`)).json()) as {
    worker: { recycles: number; restarts: number; last_exit: unknown };
  };
  expect(worker.recycles).toBeGreaterThanOrEqual(1);
  expect(worker).toMatchObject({ restarts: 0, last_exit: null });
  expect(await app.readLog()).toHaveLength(PROMPTS);
});
