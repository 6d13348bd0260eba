import { sql } from 'kysely';
import request from 'supertest';
import { afterEach, expect, it, onTestFinished } from 'vitest';
import { answerOf, readStream } from '../testing/read-stream.js';
import { type StartedApp, startApp } from '../testing/start-app.js';
import { exchangeId } from '../testing/stored-exchanges.js';
import { eachServer, makeStore } from '../testing/temp-store.js';

const ROUTES = [
  ['get', '/history'],
  ['get', '/history/export'],
  ['get', '/history/export?format=csv'],
  ['get', `/history/${exchangeId(1)}`],
  ['delete', `/history/${exchangeId(1)}`],
  ['post', `/history/${exchangeId(1)}/replay`],
] as const;

let app: StartedApp;
afterEach(() => app.close());

it('without its database the history is 503, and prompts are answered all the same', async () => {
  const url = 'postgresql://postgres@127.0.0.1:1/nowhere';
  app = await startApp({ plan: { tokens: 3 }, env: { MINIVAULT_VAULT: 'on', DATABASE_URL: url } });
  for (const [method, path] of ROUTES) {
    const { status, body, headers } = await request(app.url)[method](path);
    expect([method, path, status, body.code]).toEqual([method, path, 503, 'storage_unavailable']);
    expect(Number(headers['retry-after'])).toBeGreaterThan(0);
  }
  const { text } = await readStream(`${app.url}/generate`, { body: { prompt: 'one two three' } });
  expect(answerOf(text)).not.toBe('');
});

it('with the vault switched off the history says so', async () => {
  app = await startApp();
  for (const [method, path] of ROUTES) {
    const { status, body } = await request(app.url)[method](path);
    expect([status, body]).toMatchObject([503, { error: expect.stringContaining('MINIVAULT_VAULT') }]);
    if (method === 'get') expect((await request(app.url).head(path)).status).toBe(503);
  }
});

it('answers what is asked after its connections broke', async () => {
  app = await startApp({ vault: true });
  const { database } = app.parts.vault;
  await database
    .run(db =>
      sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()`.execute(
        db,
      ),
    )
    .catch(() => {});
  await app.until(async () => (await request(app.url).get('/history')).status === 200);
});

// Only a server can be shared.
eachServer('two gateways', kind => {
  it('erases nothing that another gateway with the same database has logged', async () => {
    const store = await makeStore(kind);
    onTestFinished(() => store.remove());
    const env = { MINIVAULT_VAULT: 'on', DATABASE_URL: store.url ?? '' };
    app = await startApp({ plan: { tokens: 3 }, env });
    const other = await startApp({ plan: { tokens: 3 }, env });
    try {
      for (const { parts } of [app, other]) {
        await app.until(() => parts.vault.database.status().state === 'ready');
      }
      const { headers } = await readStream(`${other.url}/generate`, { body: { prompt: 'one two' } });
      const path = `/history/${headers['x-exchange-id']}`;
      await request(other.url).get(path).expect(200);
      const { body } = await request(app.url).delete(path).expect(409);
      expect(body).toMatchObject({ code: 'exchange_elsewhere' });
      await request(app.url).get(path).expect(200);
      await request(other.url).delete(path).expect(204);
      await request(app.url).delete(path).expect(404);
    } finally {
      await other.close();
    }
  });
});
