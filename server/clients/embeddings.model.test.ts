// The packaged embedder through the official clients: near in meaning is near in the vectors, and all agree.
import path from 'node:path';
import { OllamaEmbeddings } from '@langchain/ollama';
import { OpenAIEmbeddings } from '@langchain/openai';
import { Ollama } from 'ollama';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type StartedApp, startApp } from '../testing/start-app.js';
import { until } from '../testing/until.js';

const LOAD_TIMEOUT_MS = 90_000;
const model = 'all-minilm-l6-v2';
const TEXTS = ['A cat sleeps on the sofa.', 'A kitten naps on the couch.', 'The tax is due in May.'];

let app: StartedApp;
let openai: OpenAI;
beforeAll(async () => {
  app = await startApp({
    env: {
      MINIVAULT_ENGINE: 'batched',
      MINIVAULT_DATA_DIR: path.resolve(import.meta.dirname, '../../data'),
    },
  });
  await until(() => app.parts.worker.status().state === 'ready', LOAD_TIMEOUT_MS);
  openai = new OpenAI({ baseURL: `${app.url}/v1`, apiKey: 'none' });
}, LOAD_TIMEOUT_MS);
afterAll(() => app.close());

const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, number, at) => sum + number * (b[at] ?? 0), 0);

describe('the packaged embedder', () => {
  it('puts what means the same nearer, in vectors of unit length', async () => {
    const { data, usage } = await openai.embeddings.create({ model, input: TEXTS });
    const [cat = [], kitten = [], tax = []] = data.map(({ embedding }) => embedding);
    expect(cat).toHaveLength(384);
    expect(dot(cat, cat)).toBeCloseTo(1, 5);
    expect(dot(cat, kitten)).toBeGreaterThan(0.5);
    expect(dot(cat, tax)).toBeLessThan(0.2);
    expect(usage.prompt_tokens).toBe(28);
  });

  it('answers the same through every client', async () => {
    const floats = await openai.embeddings.create({ model, input: TEXTS, encoding_format: 'float' });
    const expected = floats.data.map(({ embedding }) => embedding);
    const base64 = await openai.embeddings.create({ model, input: TEXTS });
    const through = {
      base64: base64.data.map(({ embedding }) => embedding),
      ollama: (await new Ollama({ host: app.url }).embed({ model: 'all-minilm', input: TEXTS })).embeddings,
      langchainOllama: await new OllamaEmbeddings({ model, baseUrl: app.url }).embedDocuments(TEXTS),
      langchainOpenAi: await new OpenAIEmbeddings({
        model,
        apiKey: 'none',
        configuration: { baseURL: `${app.url}/v1` },
      }).embedDocuments(TEXTS),
    };
    for (const vectors of Object.values(through)) {
      expect(vectors).toHaveLength(TEXTS.length);
      for (const [index, vector] of vectors.entries()) {
        expect(dot(vector, expected[index] ?? [])).toBeCloseTo(1, 5);
      }
    }
  });

  it('cuts a text after 256 tokens and says so', async () => {
    const long = 'river '.repeat(400);
    const { data } = await openai.embeddings
      .create({ model, input: [long, `${long} and sea`] })
      .withResponse();
    expect(data.data.map(each => 'truncated' in each)).toEqual([true, true]);
    expect(data.usage.prompt_tokens).toBe(512);
    expect(dot(data.data[0]?.embedding ?? [], data.data[1]?.embedding ?? [])).toBeCloseTo(1, 5);
  });

  it('takes ids of its own vocabulary', async () => {
    // [CLS] a cat sleeps . [SEP] of BERT's uncased vocabulary.
    const input = [101, 1037, 4937, 25126, 1012, 102];
    const [ids, text] = await Promise.all(
      [input, 'A cat sleeps.'].map(async each => {
        const { data } = await openai.embeddings.create({ model, input: each });
        return data[0]?.embedding ?? [];
      }),
    );
    expect(dot(ids ?? [], text ?? [])).toBeCloseTo(1, 5);
    await expect(openai.embeddings.create({ model, input: [30_522] })).rejects.toThrow('30522');
  });
});
