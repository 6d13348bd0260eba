// The official clients that embed texts, against the gateway on the fake engine.
import { OllamaEmbeddings } from '@langchain/ollama';
import { OpenAIEmbeddings } from '@langchain/openai';
import { Ollama } from 'ollama';
import OpenAI, { APIError, APIUserAbortError } from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type StartedApp, startApp } from '../testing/start-app.js';

const model = 'all-minilm-l6-v2';
const LONG = Array.from({ length: 300 }, (_, n) => `w${n}`).join(' ');

let app: StartedApp;
let openai: OpenAI;
let ollama: Ollama;
/** What every client must get for `one` and for `two words`. */
let one: number[];
let two: number[];
beforeAll(async () => {
  app = await startApp({
    plan: {
      rules: [
        { match: 'FAILS', do: 'raise' },
        { match: 'DIES', do: 'exit:139' },
      ],
      embed_ms: 1,
    },
  });
  await app.ready();
  openai = new OpenAI({ baseURL: `${app.url}/v1`, apiKey: 'none', maxRetries: 0 });
  ollama = new Ollama({ host: app.url });
  const { data } = await openai.embeddings.create({
    model,
    input: ['one', 'two words'],
    encoding_format: 'float',
  });
  [one = [], two = []] = data.map(({ embedding }) => embedding);
});
afterAll(() => app.close());

const rounded = (vector: readonly number[]): number[] => Array.from(vector, Math.fround);

describe('openai', () => {
  it('asks for base64 unless it is told otherwise, and gets the same numbers', async () => {
    expect(one).toHaveLength(8);
    const { data, usage } = await openai.embeddings.create({ model, input: ['one', 'two words'] });
    expect(data.map(({ embedding }) => rounded(embedding))).toEqual([rounded(one), rounded(two)]);
    expect(usage).toEqual({ prompt_tokens: 3, total_tokens: 3 });
  });

  it('embeds one text, and token ids', async () => {
    const { data } = await openai.embeddings.create({ model, input: 'two words' });
    expect(data.map(({ index, embedding }) => [index, rounded(embedding)])).toEqual([[0, rounded(two)]]);
    expect((await openai.embeddings.create({ model, input: [[1, 2], [3]] })).data).toHaveLength(2);
  });

  it('can see which texts were cut', async () => {
    const { data, response } = await openai.embeddings.create({ model, input: ['one', LONG] }).withResponse();
    expect(response.headers.get('x-truncated-inputs')).toBe('1');
    expect(data.data.map(each => 'truncated' in each)).toEqual([false, true]);
  });

  it.each([
    [{ input: '' }, 400, 'input'],
    [{ input: 'x', dimensions: 3 }, 400, 'dimensions'],
    [{ input: 'x', model: 'text-embedding-3-small' }, 404, 'model'],
    [{ input: 'FAILS' }, 500, null],
    [{ input: 'DIES' }, 500, null],
  ])('raises its own error for %o', async (fields, status, param) => {
    const failed = await openai.embeddings.create({ model, ...fields }).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(APIError);
    expect(failed).toMatchObject({ status, param });
  });

  it('can leave', async () => {
    const leaving = new AbortController();
    const input = Array<string>(2_000).fill('word');
    const asked = openai.embeddings.create({ model, input }, { signal: leaving.signal });
    await app.until(() => app.parts.embedAdmission.running === 1);
    leaving.abort();
    await expect(asked).rejects.toBeInstanceOf(APIUserAbortError);
    await app.until(() => app.parts.embedAdmission.running === 0);
  });
});

describe('ollama', () => {
  it('embeds a text, a list, and in the older way', async () => {
    const { embeddings, total_duration, prompt_eval_count } = await ollama.embed({
      model,
      input: ['one', 'two words'],
      keep_alive: '1h',
    });
    expect(embeddings).toEqual([one, two]);
    expect(prompt_eval_count).toBe(3);
    expect(total_duration).toBeGreaterThan(0);
    expect((await ollama.embed({ model: `${model}:latest`, input: 'one' })).embeddings).toEqual([one]);
    expect(await ollama.embeddings({ model, prompt: 'one' })).toEqual({ embedding: one });
  });

  it.each([
    [{ input: LONG, truncate: false }, 'A text has 300 tokens; the embedder takes 256.'],
    [{ input: 'x', model: 'nomic-embed-text' }, 'model "nomic-embed-text" not found'],
    [{ input: 'FAILS' }, 'The embedder failed'],
  ])('raises its own error for %o', async (fields, message) => {
    await expect(ollama.embed({ model, ...fields })).rejects.toThrow(message);
  });
});

describe('langchain', () => {
  it('embeds documents and a query through OpenAI’s format', async () => {
    const embedder = new OpenAIEmbeddings({
      model,
      apiKey: 'none',
      configuration: { baseURL: `${app.url}/v1` },
    });
    const documents = await embedder.embedDocuments(['one', 'two words']);
    expect(documents.map(rounded)).toEqual([rounded(one), rounded(two)]);
    expect(rounded(await embedder.embedQuery('one'))).toEqual(rounded(one));
  });

  it('embeds documents and a query through Ollama’s', async () => {
    const embedder = new OllamaEmbeddings({ model, baseUrl: app.url, truncate: true });
    expect(await embedder.embedDocuments(['one', 'two words'])).toEqual([one, two]);
    expect(await embedder.embedQuery('one')).toEqual(one);
  });
});
