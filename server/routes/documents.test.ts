import request from 'supertest';
import { afterAll, beforeAll, beforeEach, expect, it, onTestFinished } from 'vitest';
import {
  addAnswerSchema,
  documentSchema,
  listAnswerSchema,
  searchAnswerSchema,
} from '../dialects/documents.js';
import { type StartAppOptions, type StartedApp, startApp } from '../testing/start-app.js';
import { eachStore } from '../testing/temp-store.js';

const LIMITS = { MINIVAULT_DOCUMENT_MAX_CHARACTERS: '5000', MINIVAULT_DOCUMENTS_MAX_BYTES: '20000' };
const LONG = 'x'.repeat(1_001);
const NOBODY = '0192f0c1-0000-7000-8000-000000000000';

eachStore('documents', kind => {
  let app: StartedApp;
  beforeAll(async () => {
    const plan = { rules: [{ match: 'FAILS', do: 'raise' }] };
    app = await startApp({ vault: kind, plan, env: { ...LIMITS, MINIVAULT_CHUNK_TOKENS: '16' } });
    await app.ready();
  });
  afterAll(() => app.close());
  beforeEach(async ({ skip }) => {
    skip(!app.parts.vault.database.status().hasVectors, `no pgvector in ${kind}`);
    await app.parts.vault.database.run(db => db.deleteFrom('documents').execute());
  });

  const api = () => request(app.url);
  const post = (body: object) => api().post('/api/v1/documents/add').send(body);
  const add = async (...documents: string[]) =>
    addAnswerSchema.parse((await post({ documents }).expect(200)).body);
  const search = async (query: Record<string, string>) =>
    searchAnswerSchema.parse((await api().get('/api/v1/documents/search').query(query).expect(200)).body);
  const list = async (query: Record<string, string> = {}) =>
    listAnswerSchema.parse((await api().get('/api/v1/documents').query(query).expect(200)).body);

  it('get ids in order, and the same text the same id, in one request and in the next', async () => {
    const first = await add('One text.', 'Another text.', 'One text.');
    expect(first.added).toBe(2);
    expect(first.documents.map(({ status }) => status)).toEqual(['added', 'added', 'duplicate']);
    expect(first.ids[2]).toBe(first.ids[0]);
    const second = await add('Another text.', 'A third.');
    expect(second.ids[0]).toBe(first.ids[1]);
    expect(second.documents.map(({ status }) => status)).toEqual(['duplicate', 'added']);
    expect((await list()).total).toBe(3);
  });

  it('are cut into stretches whose offsets are those of the text', async () => {
    const text = Array.from({ length: 9 }, (_, index) => `The 😀 sentence number ${index} is here.`).join(
      ' ',
    );
    const { ids, documents } = await add(text);
    expect(documents[0]?.chunks).toBe(8);
    const { results } = await search({ query: 'sentence', mode: 'text', top_k: '20' });
    expect(results).toHaveLength(8);
    for (const { start, end, text: stretch, document_id } of results) {
      expect(text.slice(start, end)).toBe(stretch);
      expect(document_id).toBe(ids[0]);
    }
  });

  it('are found by meaning, by words and by both, with their metadata', async () => {
    await post({
      documents: ['The ferry sails at dawn.', 'The cat sleeps.'],
      metadatas: [{ page: 7, tags: ['sea'] }, {}],
    }).expect(200);
    for (const mode of ['semantic', 'text', 'hybrid']) {
      const { results } = await search({ query: 'The ferry sails at dawn.', mode, top_k: '1' });
      expect(results, mode).toMatchObject([
        {
          text: 'The ferry sails at dawn.',
          chunk: 0,
          start: 0,
          end: 24,
          filename: null,
          metadata: { page: 7, tags: ['sea'] },
        },
      ]);
      // The same text has the same vector, also in the fake engine.
      if (mode === 'text') expect(results[0]?.similarity).toBeNull();
      else expect(results[0]?.similarity).toBeCloseTo(1, 5);
    }
    const { results } = await search({ query: 'The ferry sails at dawn.', threshold: '0.99' });
    expect(results).toHaveLength(1);
    expect((await search({ query: 'The cat', threshold: '1' })).results).toEqual([]);
  });

  it.each(['the of', '""', '-', '!!!', "'; drop table documents; --", '🙂'])(
    'searched by words for %j are not found, which is no error',
    async query => {
      await add('The cat of the house.');
      expect((await search({ query, mode: 'text' })).results).toEqual([]);
    },
  );

  it('are listed, read and deleted', async () => {
    const { ids } = await add('First.', 'Second.', 'Third.');
    const page = await list({ limit: '2', offset: '1' });
    expect(page).toMatchObject({ total: 3, limit: 2, offset: 1 });
    expect(page.items.map(({ id }) => id)).toEqual([ids[1], ids[0]]);
    const path = `/api/v1/documents/${ids[0]}`;
    const { body } = await api().get(path).expect(200);
    expect(documentSchema.parse(body)).toMatchObject({
      content: 'First.',
      chunks: 1,
      media_type: 'text/plain',
    });
    await api().delete(path).expect(204);
    for (const again of [api().get(path), api().delete(path), api().get(`/api/v1/documents/${NOBODY}`)]) {
      expect((await again.expect(404)).body.code).toBe('document_not_found');
    }
    expect((await list()).total).toBe(2);
  });

  it.each<[string, number, string, string | undefined, object]>([
    ['counts that differ', 400, 'invalid_request', 'metadatas', { documents: ['a', 'b'], metadatas: [{}] }],
    ['no texts', 400, 'invalid_request', 'documents', { documents: [] }],
    ['no documents', 400, 'invalid_request', 'documents', {}],
    ['an empty text', 400, 'invalid_request', 'documents.1', { documents: ['a', ''] }],
    ['a blank text', 400, 'invalid_request', 'documents.2', { documents: ['a', 'b', ' \n\t'] }],
    ['a text that is none', 400, 'invalid_request', 'documents.1', { documents: ['a', 7] }],
    [
      'metadata that is no object',
      400,
      'invalid_request',
      'metadatas.0',
      { documents: ['a'], metadatas: ['x'] },
    ],
    ['metadata that is a list', 400, 'invalid_request', 'metadatas.0', { documents: ['a'], metadatas: [[]] }],
    ['a NUL', 400, 'invalid_unicode', 'documents.1', { documents: ['a', 'b\0c'] }],
    ['half a surrogate pair', 400, 'invalid_unicode', 'documents.0', { documents: ['\ud83d'] }],
    ['an unknown field', 400, 'invalid_request', 'texts', { documents: ['a'], texts: [] }],
    [
      'a text that is too long',
      413,
      'document_too_large',
      'documents.1',
      { documents: ['a', 'x'.repeat(5_001)] },
    ],
    [
      'a body that is too large',
      413,
      'body_too_large',
      undefined,
      { documents: Array(5).fill('x'.repeat(4_999)) },
    ],
    ['a text the embedder fails on', 500, 'worker_error', undefined, { documents: ['Good.', 'This FAILS.'] }],
  ])('with %s are refused, and none of the others is kept', async (_, status, code, param, body) => {
    const { body: error } = await post(body).expect(status);
    expect([error.code, error.param]).toEqual([code, param]);
    expect((await list()).total).toBe(0);
  });

  it('in bytes that are no UTF-8 are refused', async () => {
    const response = await fetch(`${app.url}/api/v1/documents/add`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: Buffer.from('{"documents":["\xff"]}', 'latin1'),
    });
    expect([response.status, await response.json()]).toMatchObject([400, { code: 'invalid_unicode' }]);
  });

  it.each([
    ['search', {}, 'query'],
    ['search', { query: ' ' }, 'query'],
    ['search', { query: LONG }, 'query'],
    ['search', { query: 'a\0' }, 'query'],
    ['search', { query: 'a', top_k: '0' }, 'top_k'],
    ['search', { query: 'a', top_k: '101' }, 'top_k'],
    ['search', { query: 'a', top_k: '5;' }, 'top_k'],
    ['search', { query: 'a', mode: 'magic' }, 'mode'],
    ['search', { query: 'a', threshold: 'NaN' }, 'threshold'],
    ['search', { query: 'a', threshold: '2' }, 'threshold'],
    ['search', { query: 'a', mode: 'text', threshold: '0.5' }, 'threshold'],
    ['search', { query: 'a', page: '1' }, 'page'],
    ['', { limit: '0' }, 'limit'],
    ['', { limit: '-1' }, 'limit'],
    ['', { offset: '1e9' }, 'offset'],
    ['', { offset: '10001' }, 'offset'],
    ['no-id', {}, 'id'],
  ])('asked for by /%s with %o are a 400 that names %s', async (path, query, param) => {
    const { body } = await api().get(`/api/v1/documents/${path}`).query(query).expect(400);
    expect([body.code, body.param]).toEqual(['invalid_request', param]);
  });

  it('of another embedder are refused with the remedy, but found by words', async () => {
    await add('The ferry sails at dawn.');
    const { database } = app.parts.vault;
    await database.run(db => db.updateTable('chunk_vectors').set({ embedder: 'another' }).execute());
    const { body } = await api().get('/api/v1/documents/search?query=ferry').expect(503);
    expect(body.code).toBe('embedder_mismatch');
    expect(body.error).toMatch(/another \(8 dimensions\).*npm run reembed/);
    expect((await post({ documents: ['More.'] }).expect(503)).body.code).toBe('embedder_mismatch');
    expect((await search({ query: 'ferry', mode: 'text' })).results).toHaveLength(1);
  });
});

it.each<[string, StartAppOptions, RegExp]>([
  ['without a database', {}, /MINIVAULT_VAULT/],
  ['without pgvector', { vault: 'postgresql' }, /pgvector/],
])('documents %s are a 503 with the remedy, and answers go on', async (_, options, remedy) => {
  const app = await startApp(options);
  onTestFinished(() => app.close());
  await app.ready();
  const { state, hasVectors } = app.parts.vault.database.status();
  // Where the machine's own PostgreSQL has it, there is nothing to see.
  if (state === 'ready' && hasVectors) return;
  const calls = [
    request(app.url)
      .post('/api/v1/documents/add')
      .send({ documents: ['a'] }),
    request(app.url).post('/api/v1/documents/upload').attach('files', Buffer.from('a'), 'a.txt'),
    request(app.url).get('/api/v1/documents/search?query=a'),
    request(app.url).get('/api/v1/documents/search?query=a&mode=text'),
    request(app.url).get('/api/v1/documents'),
    request(app.url).get(`/api/v1/documents/${NOBODY}`),
    request(app.url).delete(`/api/v1/documents/${NOBODY}`),
  ];
  for (const call of calls) {
    const { body } = await call.expect(503);
    expect(body.code).toBe('storage_unavailable');
    expect(body.error).toMatch(remedy);
  }
  await request(app.url).post('/generate').send({ prompt: 'hello' }).expect(200);
});
