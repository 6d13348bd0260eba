// The gateway while its PostgreSQL is away: it answers, and what it answered is in the history soon after.
import { afterEach, expect, it } from 'vitest';
import { type DatabaseProxy, openDatabaseProxy } from '../chaos/database-proxy.mjs';
import { answerOf, readStream } from './testing/read-stream.js';
import { type StartedApp, startApp } from './testing/start-app.js';
import { makeStore, type StorePlace } from './testing/temp-store.js';

const EXCHANGES = 500;
const CLIENTS = 16;
const BACK_WITHIN_MS = 30_000;

let store: StorePlace;
let proxy: DatabaseProxy;
let app: StartedApp;
afterEach(async () => {
  await app.close();
  await proxy.close();
  await store.remove();
});

async function startBehindProxy(isShut: boolean): Promise<void> {
  store = await makeStore('postgresql');
  if (store.url === null) throw new Error('no server');
  proxy = await openDatabaseProxy(store.url);
  if (isShut) await proxy.shut();
  const env = { MINIVAULT_VAULT: 'on', DATABASE_URL: proxy.url };
  app = await startApp({ plan: { tokens: 3, slots: CLIENTS }, env });
  await app.ready();
}

const ask = (prompt: string) => readStream(`${app.url}/generate`, { body: { prompt } });
const history = () => readStream(`${app.url}/history?limit=1`, { method: 'GET' });
async function total(): Promise<number> {
  const { status, text } = await history();
  return status === 200 ? (JSON.parse(text) as { total: number }).total : -1;
}

it(`goes on through ${EXCHANGES} exchanges whose database goes away and comes back`, async () => {
  await startBehindProxy(false);
  let asked = 0;
  let failed = 0;
  const client = async (): Promise<void> => {
    while (asked < EXCHANGES) {
      const number = ++asked;
      if (number === 150) await proxy.shut();
      if (number === 400) await proxy.open();
      const { status, whole, text } = await ask(`prompt ${number}`);
      if (status !== 200 || !whole || answerOf(text) === '') failed++;
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  expect(failed).toBe(0);
  await expect.poll(total, { timeout: BACK_WITHIN_MS }).toBe(EXCHANGES);
});

it('starts without its database, says so, and brings what was answered meanwhile', async () => {
  await startBehindProxy(true);
  const { status, whole } = await ask('anybody there?');
  expect([status, whole]).toEqual([200, true]);
  const refused = await history();
  expect(refused.status).toBe(503);
  expect(refused.headers['retry-after']).toBeDefined();
  expect(JSON.parse(refused.text)).toMatchObject({ code: 'storage_unavailable' });
  expect((await readStream(`${app.url}/readyz`, { method: 'GET' })).status).toBe(200);
  await proxy.open();
  await expect.poll(total, { timeout: BACK_WITHIN_MS }).toBe(1);
});
