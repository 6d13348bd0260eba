import request from 'supertest';
import { afterEach, describe, expect, it } from 'vitest';
import { ollamaShowSchema, ollamaTagsSchema } from '../dialects/ollama-models.js';
import { readStream } from '../testing/read-stream.js';
import { type StartAppOptions, type StartedApp, startApp } from '../testing/start-app.js';

let app: StartedApp;
afterEach(() => app.close());

async function start(options: StartAppOptions = {}): Promise<void> {
  app = await startApp(options);
  await app.ready();
}

const get = (path: string) => request(app.url).get(path);
const post = (path: string, body: unknown) =>
  request(app.url).post(path).send(JSON.stringify(body)).type('json');

describe('models, as Ollama’s clients ask for them', () => {
  it('are listed and shown', async () => {
    await start();
    const { body: tags } = await get('/api/tags').expect(200);
    expect(ollamaTagsSchema.parse(tags).models).toMatchObject([{ name: 'fake:latest' }, {}]);
    for (const name of [{ model: 'fake' }, { model: 'fake:latest' }, { name: 'FAKE' }, {}]) {
      const { body } = await post('/api/show', name).expect(200);
      expect(ollamaShowSchema.parse(body)).toMatchObject({ capabilities: ['completion'] });
    }
    expect((await request(app.url).head('/api/tags')).status).toBe(200);
    const { body: embedder } = await post('/api/show', { model: tags.models[1].name }).expect(200);
    expect(ollamaShowSchema.parse(embedder)).toMatchObject({ capabilities: ['embedding'] });
  });

  it('are shown to who asks too early as soon as they are known', async () => {
    app = await startApp({ plan: { load_ms: 2_000 } });
    expect((await get('/api/ps')).body).toEqual({ models: [] });
    expect((await get('/api/tags')).body).toMatchObject({
      models: [{ digest: '0'.repeat(64), size: 0 }],
    });
    expect((await post('/api/show', {})).body).toMatchObject({
      modelfile: expect.stringContaining('FROM fake'),
    });
  });

  it('are not found by another name', async () => {
    await start();
    const { status, body } = await post('/api/show', { model: 'llama3' });
    expect([status, body]).toEqual([404, { error: expect.stringMatching(/^model "llama3" not found/) }]);
  });

  it('are pulled when they are there, in the form that was asked for', async () => {
    await start();
    const { text, headers } = await readStream(`${app.url}/api/pull`, { body: { model: 'fake' } });
    expect(headers['content-type']).toContain('application/x-ndjson');
    expect(text).toBe('{"status":"pulling manifest"}\n{"status":"success"}\n');
    expect((await post('/api/pull', { name: 'fake', stream: false })).body).toEqual({ status: 'success' });
  });

  it.each([
    ['post', '/api/pull', { model: 'llama3' }],
    ['post', '/api/create', { model: 'x', from: 'fake' }],
    ['post', '/api/push', { model: 'fake' }],
    ['post', '/api/copy', { source: 'fake', destination: 'x' }],
    ['delete', '/api/delete', { model: 'fake' }],
    ['post', '/api/blobs/sha256:00', {}],
  ] as const)('are not managed: %s %s says what is to be done instead', async (method, path, body) => {
    await start();
    const { status, body: answer } = await request(app.url)[method](path).send(body);
    expect([status, answer]).toEqual([400, { error: expect.stringContaining('MINIVAULT_MODEL') }]);
  });
});

it('tells a version that clients take for recent', async () => {
  await start();
  expect((await get('/api/version')).body).toEqual({ version: expect.stringMatching(/^0\.\d+\.\d+$/) });
  expect((await request(app.url).head('/api/version')).status).toBe(200);
});

it('lists what is in memory and until when', async () => {
  await start({ env: { MINIVAULT_KEEP_ALIVE_MS: '60000' } });
  const { body } = await get('/api/ps');
  const [model] = body.models;
  expect(model).toMatchObject({ name: 'fake:latest', context_length: 8_192, size_vram: 0 });
  const leftMs = Date.parse(model.expires_at) - Date.now();
  expect(leftMs).toBeGreaterThan(30_000);
  expect(leftMs).toBeLessThanOrEqual(60_000);
  await app.parts.residency.unload();
  expect((await get('/api/ps')).body).toEqual({ models: [] });
  expect((await get('/api/tags')).body.models).toHaveLength(2);
  expect((await post('/api/show', {})).status).toBe(200);
  expect(app.parts.worker.status().state).toBe('unloaded');
});
