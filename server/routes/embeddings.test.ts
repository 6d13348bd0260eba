import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { embedAnswerSchema, legacyEmbedAnswerSchema } from '../dialects/ollama-embed.js';
import { embeddingsAnswerSchema } from '../dialects/openai-embeddings.js';
import { readStream } from '../testing/read-stream.js';
import { type StartAppOptions, type StartedApp, startApp } from '../testing/start-app.js';

let app: StartedApp;

/** For the block that calls it: one gateway for all its tests. */
function useGateway(options: StartAppOptions = {}): void {
  beforeAll(async () => {
    app = await startApp(options);
    await app.ready();
  });
  afterAll(() => app.close());
}

async function post(path: string, body: unknown) {
  const { status, headers, text } = await readStream(`${app.url}${path}`, { body });
  return { status, headers, body: JSON.parse(text) };
}

async function vectorsOf(body: Record<string, unknown>): Promise<number[][]> {
  const answer = await post('/v1/embeddings', body);
  expect(answer.status).toBe(200);
  return answer.body.data.map(({ embedding }: { embedding: number[] }) => embedding);
}

const words = (count: number): string => Array.from({ length: count }, (_, n) => `w${n}`).join(' ');

describe('POST /v1/embeddings', () => {
  useGateway({ env: { MINIVAULT_MODEL_ALIASES: 'text-embedding-3-small' } });

  it('answers a text, token ids, and lists of either, in order', async () => {
    const [one, two] = await vectorsOf({ input: ['one', 'two words'] });
    expect(await vectorsOf({ input: 'two words' })).toEqual([two]);
    expect(await vectorsOf({ input: ['two words', 'one'] })).toEqual([two, one]);
    const [ids] = await vectorsOf({ input: [7, 8, 9] });
    expect(await vectorsOf({ input: [[1], [7, 8, 9]] })).toEqual([expect.anything(), ids]);
    expect(ids).not.toEqual(one);
  });

  it('tells the model, the tokens, and nothing that was not so', async () => {
    const { body, headers } = await post('/v1/embeddings', { input: ['one', 'two words'], user: 'ada' });
    expect(embeddingsAnswerSchema.parse(body)).toEqual(body);
    expect(body).toMatchObject({ model: 'all-minilm-l6-v2', usage: { prompt_tokens: 3, total_tokens: 3 } });
    expect(body.data.map(({ index }: { index: number }) => index)).toEqual([0, 1]);
    expect(JSON.stringify(body)).not.toContain('truncated');
    expect(headers).not.toHaveProperty('x-truncated-inputs');
  });

  it('sends the same numbers in base64 of little-endian float32', async () => {
    const [floats] = await vectorsOf({ input: 'one' });
    const { body } = await post('/v1/embeddings', { input: 'one', encoding_format: 'base64' });
    expect(embeddingsAnswerSchema.parse(body)).toEqual(body);
    const bytes = Buffer.from(body.data[0].embedding, 'base64');
    expect(bytes).toHaveLength(8 * 4);
    const decoded = Array.from({ length: 8 }, (_, at) => bytes.readFloatLE(at * 4));
    expect(decoded).toEqual(floats?.map(Math.fround));
    expect(Math.hypot(...decoded)).toBeCloseTo(1, 6);
  });

  it('says which texts were cut', async () => {
    const input = [words(257), 'short', words(256), words(300), words(300)];
    const { body, headers } = await post('/v1/embeddings', { input });
    expect(headers['x-truncated-inputs']).toBe('0,3-4');
    expect(body.data.map(({ truncated }: { truncated?: boolean }) => truncated)).toEqual([
      true,
      undefined,
      undefined,
      true,
      true,
    ]);
    expect(body.usage.prompt_tokens).toBe(4 * 256 + 1);
    expect(body.data[3].embedding).toEqual(body.data[4].embedding);
  });

  it('embeds 2048 texts in one call, more than a message to the worker may hold', async () => {
    const input = Array.from({ length: 2_048 }, (_, n) => `text ${n}`);
    const vectors = await vectorsOf({ input });
    expect(vectors).toHaveLength(2_048);
    expect(vectors[2_047]).toEqual((await vectorsOf({ input: 'text 2047' }))[0]);
  });

  it.each([
    [{}, 'input', 'invalid_request'],
    [{ input: '' }, 'input', 'invalid_request'],
    [{ input: [] }, 'input', 'invalid_request'],
    [{ input: ['one', ''] }, 'input.1', 'invalid_request'],
    [{ input: [[]] }, 'input.0', 'invalid_request'],
    [{ input: [-1] }, 'input.0', 'invalid_request'],
    [{ input: [1, 99_999_999] }, 'input', 'invalid_request'],
    [{ input: Array(2_049).fill('x') }, 'input', 'invalid_request'],
    [{ input: 'x', encoding_format: 'int8' }, 'encoding_format', 'invalid_request'],
    [{ input: 'x', dimensions: 4 }, 'dimensions', 'unsupported_parameter'],
  ])('refuses %j naming the field', async (fields, param, code) => {
    const { status, body } = await post('/v1/embeddings', fields);
    expect([status, body.error.param, body.error.code]).toEqual([400, param, code]);
  });

  it('answers under its name and its aliases, and refuses the name of another model', async () => {
    for (const model of ['all-minilm-l6-v2', 'all-minilm:latest', 'text-embedding-3-small']) {
      expect((await post('/v1/embeddings', { input: 'x', model, dimensions: 8 })).body.model).toBe(
        'all-minilm-l6-v2',
      );
    }
    const { status, body } = await post('/v1/embeddings', { input: 'x', model: 'fake' });
    expect([status, body.error.code, body.error.param]).toEqual([404, 'model_not_found', 'model']);
  });
});

describe('POST /api/embed', () => {
  useGateway();

  it('answers one text or a list, with its figures', async () => {
    const { body } = await post('/api/embed', { model: 'all-minilm', input: ['one', 'two words'] });
    expect(embedAnswerSchema.parse(body)).toEqual(body);
    expect(body).toMatchObject({ model: 'all-minilm', prompt_eval_count: 3 });
    expect(body.total_duration).toBeGreaterThan(body.load_duration);
    expect(body.embeddings).toEqual(await vectorsOf({ input: ['one', 'two words'] }));
    expect((await post('/api/embed', { input: 'one' })).body.embeddings).toEqual([body.embeddings[0]]);
  });

  it('cuts a long text and says so, or refuses it with both numbers', async () => {
    const cut = await post('/api/embed', { input: ['short', words(300)] });
    expect(cut.headers['x-truncated-inputs']).toBe('1');
    const { status, body } = await post('/api/embed', { input: ['short', words(300)], truncate: false });
    expect(status).toBe(400);
    expect(body).toEqual({ error: 'A text has 300 tokens; the embedder takes 256.' });
  });

  it.each([{}, { input: '' }, { input: [] }])('answers no vectors to no text: %j', async fields => {
    const { status, body } = await post('/api/embed', fields);
    expect([status, body.embeddings, body.prompt_eval_count]).toEqual([200, [], 0]);
  });

  it.each([
    [{ keep_alive: 'soon' }, '"keep_alive"'],
    [{ options: { num_ctx: 64 } }, '"options.num_ctx" is not supported'],
    [{ dimensions: 4 }, '"dimensions" is not supported'],
    [{ truncate: 'yes' }, '"truncate"'],
    [{ input: [1, 2] }, '"input'],
  ])('refuses %j naming the field', async (fields, message) => {
    const { status, body } = await post('/api/embed', { input: 'x', ...fields });
    expect(status).toBe(400);
    expect(body.error).toContain(message);
  });

  it.each([
    { keep_alive: '5m' },
    { keep_alive: -1 },
    { options: { temperature: 0, num_thread: 2, num_ctx: 2048 } },
    { dimensions: 8 },
  ])('takes %j, which changes no vector', async fields => {
    const { body } = await post('/api/embed', { input: 'x', ...fields });
    expect(body.embeddings).toEqual((await post('/api/embed', { input: 'x' })).body.embeddings);
  });
});

describe('POST /api/embeddings', () => {
  useGateway();

  it('answers one vector, and none to no prompt', async () => {
    const { body } = await post('/api/embeddings', { model: 'all-minilm-l6-v2', prompt: 'one' });
    expect(legacyEmbedAnswerSchema.parse(body)).toEqual(body);
    expect([body.embedding]).toEqual(await vectorsOf({ input: 'one' }));
    expect((await post('/api/embeddings', {})).body).toEqual({ embedding: [] });
    const other = await post('/api/embeddings', { model: 'llama3', prompt: 'one' });
    expect([other.status, Object.keys(other.body)]).toEqual([404, ['error']]);
  });
});
