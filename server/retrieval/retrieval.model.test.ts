// How well documents are found with the real embedder: the test set of bench/retrieval, over HTTP.
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { measureRetrieval, questions } from '../../bench/retrieval/measure.mjs';
import { startApp } from '../testing/start-app.js';
import { until } from '../testing/until.js';

const LOAD_TIMEOUT_MS = 120_000;
const MODEL = path.resolve(import.meta.dirname, '../../data/models/smollm2-135m-instruct');

it('both rankings fused find at least what each of them finds, of 60 questions and more', async () => {
  expect(questions.length).toBeGreaterThanOrEqual(60);
  const app = await startApp({ vault: true, env: { MINIVAULT_ENGINE: 'streamer', MINIVAULT_MODEL: MODEL } });
  onTestFinished(() => app.close());
  await until(() => app.parts.worker.status().state === 'ready', LOAD_TIMEOUT_MS);
  const { text, semantic, hybrid } = await measureRetrieval(app.url);
  console.table({ text, semantic, hybrid });
  expect(hybrid.recallAt5).toBeGreaterThanOrEqual(text.recallAt5);
  expect(hybrid.recallAt5).toBeGreaterThanOrEqual(semantic.recallAt5);
  expect(hybrid.recallAt5).toBeGreaterThanOrEqual(0.9);
  expect(hybrid.byKind.exact).toBe(1);
});
