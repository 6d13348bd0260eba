import { readFile } from 'node:fs/promises';
import request from 'supertest';
import { afterEach, describe, expect, it } from 'vitest';
import { as, makeKey, readAudit } from '../testing/admin-client.js';
import { type StartedApp, startApp } from '../testing/start-app.js';

const API_KEY = 'canary-5d1f0c9ab7e84e21';
let app: StartedApp;
afterEach(() => app.close());

const make = (body: object) => makeKey(app.url, API_KEY, body);
const audited = (query = '') => readAudit(app.url, API_KEY, query);

describe('the audit, read over HTTP', () => {
  it('is paged, newest first', async () => {
    app = await startApp({ env: { API_KEY } });
    for (const name of ['a', 'b', 'c']) await make({ name });
    const first = await audited('?limit=2');
    expect(first.items.map(({ target }) => target)).toEqual(['c', 'b']);
    const second = await audited(`?limit=2&cursor=${first.next_cursor}`);
    expect(second.items.map(({ target }) => target)).toEqual(['a']);
    expect(second.next_cursor).toBeNull();
    for (const query of ['?limit=0', '?limit=101', '?cursor=x', '?offset=1']) {
      await request(app.url).get(`/admin/audit${query}`).set(as(API_KEY)).expect(400);
    }
  });

  it('has what was refused: who is not let in, what is not allowed, who comes as another host', async () => {
    app = await startApp({ env: { API_KEY } });
    const { secret } = await make({ name: 'alice', scopes: ['generate'] });
    for (let i = 0; i < 20; i++) await request(app.url).get('/history').expect(401);
    await request(app.url).get('/history').set(as(secret)).expect(403);
    await request(app.url).get('/health').set('Host', 'evil.example').expect(403);
    const refused = (await audited()).items.filter(({ event }) => event === 'refused');
    expect(refused.map(({ actor, target, details: { code } }) => [actor, target, code])).toEqual([
      [null, 'GET /health', 'forbidden_host'],
      ['alice', 'GET /history', 'missing_scope'],
      [null, 'GET /history', 'invalid_api_key'],
    ]);
  });

  it('counts what is folded when the gateway stops', async () => {
    app = await startApp({ env: { API_KEY } });
    for (let i = 0; i < 20; i++) await request(app.url).get('/history').expect(401);
    await app.parts.admin.close();
    const lines = (await readFile(app.parts.admin.auditFile, 'utf8')).trim().split('\n');
    const counts = lines.map(line => (JSON.parse(line) as { details: { count: number } }).details.count);
    expect(counts).toEqual([1, 19]);
  });
});
