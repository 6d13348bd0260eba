import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import request from 'supertest';
import { afterEach, describe, expect, it } from 'vitest';
import { SCOPES } from '../access/keys.js';
import { createKeyBodySchema, issuedKeySchema, keyListSchema } from '../dialects/admin.js';
import { as, makeKey, readAudit } from '../testing/admin-client.js';
import { type StartedApp, startApp } from '../testing/start-app.js';

const API_KEY = 'canary-5d1f0c9ab7e84e21';
let app: StartedApp;
afterEach(() => app.close());

const make = (body: object, key = API_KEY) => makeKey(app.url, key, body);
const audited = (query = '', key = API_KEY) => readAudit(app.url, key, query);

describe('keys, managed over HTTP', () => {
  it('are made, listed, changed, rotated and revoked, and each step is audited', async () => {
    app = await startApp({ env: { API_KEY } });
    const limits = { requests_per_minute: 5, concurrency: null, tokens_per_day: 1_000 };
    const made = await request(app.url)
      .post('/admin/keys')
      .set({ ...as(API_KEY), 'X-Request-ID': 'make-alice' })
      .send({ name: 'alice', scopes: ['generate'], expires_at: '2999-01-01T00:00:00+01:00', limits })
      .expect(201);
    expect(made.headers['cache-control']).toBe('no-store');
    const { secret, ...alice } = issuedKeySchema.parse(made.body);
    expect(secret).toMatch(/^mv_[\w-]{43}$/);
    expect(alice).toMatchObject({
      name: 'alice',
      prefix: secret.slice(0, 10),
      role: 'user',
      scopes: ['generate'],
      state: 'active',
      expires_at: '2998-12-31T23:00:00.000Z',
      revoked_at: null,
      former: [],
      limits,
    });
    const list = async () =>
      keyListSchema.parse((await request(app.url).get('/admin/keys').set(as(API_KEY)).expect(200)).body)
        .items;
    expect(await list()).toEqual([alice]);

    const changed = await request(app.url)
      .patch(`/admin/keys/${alice.id}`)
      .set(as(API_KEY))
      .send({ scopes: ['generate', 'history'], limits: { concurrency: 2 }, expires_at: null })
      .expect(200);
    expect(changed.body).toEqual({
      ...alice,
      scopes: ['generate', 'history'],
      expires_at: null,
      limits: { ...limits, concurrency: 2 },
    });

    const rotated = await request(app.url)
      .post('/admin/keys/alice/rotate')
      .set(as(API_KEY))
      .send({ grace_seconds: 3_600 })
      .expect(200);
    const renewed = issuedKeySchema.parse(rotated.body);
    expect(renewed.former).toMatchObject([{ prefix: alice.prefix }]);
    for (const given of [secret, renewed.secret])
      await request(app.url).get('/v1/models').set(as(given)).expect(200);
    const again = await request(app.url).post('/admin/keys/alice/rotate').set(as(API_KEY)).expect(200);
    await request(app.url).get('/v1/models').set(as(renewed.secret)).expect(401);

    const revoked = await request(app.url).delete(`/admin/keys/${alice.id}`).set(as(API_KEY)).expect(200);
    expect(revoked.body).toMatchObject({ state: 'revoked', former: [] });
    expect((await list()).map(({ state }) => state)).toEqual(['revoked']);
    await request(app.url).get('/v1/models').set(as(again.body.secret)).expect(401);
    await request(app.url).delete('/admin/keys/alice').set(as(API_KEY)).expect(200);

    const { items } = await audited();
    expect(items.filter(({ event }) => event !== 'refused').toReversed()).toMatchObject([
      {
        event: 'key.created',
        actor: 'api-key',
        target: 'alice',
        address: '127.0.0.1',
        request_id: 'make-alice',
        details: { id: alice.id, prefix: alice.prefix, role: 'user', requests_per_minute: 5 },
      },
      {
        event: 'key.updated',
        details: {
          id: alice.id,
          scopes: { from: ['generate'], to: ['generate', 'history'] },
          concurrency: { from: null, to: 2 },
          expires_at: { from: '2998-12-31T23:00:00.000Z', to: null },
        },
      },
      { event: 'key.rotated', details: { prefix: renewed.prefix, former_prefix: alice.prefix } },
      { event: 'key.rotated', details: { former_prefix: renewed.prefix } },
      { event: 'key.revoked', target: 'alice' },
    ]);
  });

  it('are kept without their secrets, in files that are their owner’s alone', async () => {
    app = await startApp({ env: { API_KEY } });
    const { secret } = await make({ name: 'alice' });
    const { body } = await request(app.url).post('/admin/keys/alice/rotate').set(as(API_KEY)).expect(200);
    await request(app.url).get(`/history/${secret}?key=${secret}`).set(as('wrong')).expect(401);
    await request(app.url).get(`/${API_KEY}`).expect(401);
    for (const given of [secret, body.secret, API_KEY]) {
      const headers = { ...as(given), 'X-Request-ID': given };
      const { headers: told } = await request(app.url).post('/livez').set(headers);
      expect(told['x-request-id']).not.toBe(given);
      await request(app.url)
        .get('/admin/none')
        .set({ ...headers, Host: 'evil.example' })
        .expect(403);
    }
    for (const name of ['keys.json', 'audit.jsonl']) {
      const file = path.join(app.dir, name);
      expect((await stat(file)).mode & 0o777).toBe(0o600);
      const text = await readFile(file, 'utf8');
      expect(text).toContain('alice');
      for (const canary of [secret, body.secret, API_KEY]) expect(text).not.toContain(canary);
    }
    const listed = await request(app.url).get('/admin/keys').set(as(API_KEY));
    expect(listed.text).not.toContain(secret);
    expect(listed.headers['cache-control']).toBe('no-store');
  });

  it.each([
    [{}, 'name'],
    [{ name: 7 }, 'name'],
    [{ name: '' }, 'name'],
    [{ name: 'two words' }, 'name'],
    [{ name: 'jwt:alice' }, 'name'],
    [{ name: 'api-key' }, 'name'],
    [{ name: 'x', role: 'root' }, 'role'],
    [{ name: 'x', scopes: ['everything'] }, 'scopes.0'],
    [{ name: 'x', scopes: ['admin'] }, 'scopes'],
    [{ name: 'x', scopes: 'generate' }, 'scopes'],
    [{ name: 'x', expires_at: 'tomorrow' }, 'expires_at'],
    [{ name: 'x', expires_at: '2999-01-01T00:00:00' }, 'expires_at'],
    [{ name: 'x', expires_at: '2001-01-01T00:00:00Z' }, 'expires_at'],
    [{ name: 'x', limits: { requests_per_minute: 0 } }, 'limits.requests_per_minute'],
    [{ name: 'x', limits: { tokens_per_day: 1.5 } }, 'limits.tokens_per_day'],
    [{ name: 'x', limits: { speed: 1 } }, 'speed'],
    [{ name: 'x', secret: 'mine' }, 'secret'],
  ])('are refused for %j, naming the field', async (body, param) => {
    app = await startApp({ env: { API_KEY } });
    const { body: refused } = await request(app.url)
      .post('/admin/keys')
      .set(as(API_KEY))
      .send(body)
      .expect(400);
    expect(refused).toMatchObject({ code: 'invalid_request', param });
    expect((await request(app.url).get('/admin/keys').set(as(API_KEY))).body).toEqual({ items: [] });
  });

  it('that are not there, revoked or named like another are refused each in its own way', async () => {
    app = await startApp({ env: { API_KEY } });
    await make({ name: 'alice' });
    const refused = async (method: 'post' | 'patch' | 'delete', route: string, body?: object) => {
      const { status, body: answer } = await request(app.url)[method](route).set(as(API_KEY)).send(body);
      return [status, answer.code];
    };
    expect(await refused('post', '/admin/keys', { name: 'ALICE' })).toEqual([409, 'key_name_taken']);
    expect(await refused('patch', '/admin/keys/bob', { scopes: [] })).toEqual([404, 'key_not_found']);
    expect(await refused('post', '/admin/keys/bob/rotate')).toEqual([404, 'key_not_found']);
    expect(await refused('delete', '/admin/keys/bob')).toEqual([404, 'key_not_found']);
    expect(await refused('patch', '/admin/keys/alice', {})).toEqual([400, 'invalid_request']);
    expect(await refused('post', '/admin/keys/alice/rotate', { grace_seconds: -1 })).toEqual([
      400,
      'invalid_request',
    ]);
    expect(await refused('delete', '/admin/keys/alice?force=yes')).toEqual([400, 'invalid_request']);
    expect(await refused('delete', '/admin/keys/alice')).toEqual([200, undefined]);
    expect(await refused('patch', '/admin/keys/alice', { scopes: [] })).toEqual([409, 'key_revoked']);
    expect(await refused('post', '/admin/keys/alice/rotate')).toEqual([409, 'key_revoked']);
  });

  it('cannot be changed while their file is broken or away, and go on as they were', async () => {
    app = await startApp({ env: { API_KEY } });
    const { secret } = await make({ name: 'alice' });
    const file = path.join(app.dir, 'keys.json');
    const good = await readFile(file, 'utf8');
    const refused = {
      code: 'storage_unavailable',
      error: expect.stringMatching(/^The keys cannot be changed now: /),
    };
    await writeFile(file, '{"version":1');
    const { body } = await request(app.url).delete('/admin/keys/alice').set(as(API_KEY)).expect(503);
    expect(body).toMatchObject(refused);
    await rm(file);
    await mkdir(file);
    const away = await request(app.url)
      .post('/admin/keys')
      .set(as(API_KEY))
      .send({ name: 'bob' })
      .expect(503);
    expect([away.body, away.headers['retry-after']]).toMatchObject([refused, '1']);
    await request(app.url).get('/v1/models').set(as(secret)).expect(200);
    await rm(file, { recursive: true });
    await writeFile(file, good);
    await request(app.url).delete('/admin/keys/alice').set(as(API_KEY)).expect(200);
    await request(app.url).get('/v1/models').set(as(secret)).expect(401);
  });

  it('of users open no admin’s route', async () => {
    app = await startApp({ env: { API_KEY } });
    const { secret } = await make({ name: 'alice', scopes: SCOPES.filter(scope => scope !== 'admin') });
    for (const [method, route] of [
      ['get', '/admin/keys'],
      ['post', '/admin/keys'],
      ['patch', '/admin/keys/alice'],
      ['delete', '/admin/keys/alice'],
      ['post', '/admin/keys/alice/rotate'],
      ['get', '/admin/audit'],
    ] as const) {
      const { status, body } = await request(app.url)[method](route).set(as(secret));
      expect([method, route, status, body.code]).toEqual([method, route, 403, 'missing_scope']);
    }
    const { items } = await audited();
    expect(items[0]).toMatchObject({
      event: 'refused',
      actor: 'alice',
      target: 'GET /admin/keys',
      details: { code: 'missing_scope', status: 403, count: 1 },
    });
  });

  it('may hold every scope that the program knows', () => {
    expect(createKeyBodySchema.parse({ name: 'x', scopes: SCOPES }).scopes).toEqual(SCOPES);
  });
});

describe('a gateway without an API_KEY', () => {
  it('makes an admin’s key first, and is locked from then on', async () => {
    app = await startApp();
    const first = await request(app.url).post('/admin/keys').send({ name: 'alice' }).expect(400);
    expect(first.body).toMatchObject({ param: 'role', error: expect.stringContaining('"admin"') });
    const { body: root } = await request(app.url)
      .post('/admin/keys')
      .send({ name: 'root', role: 'admin' })
      .expect(201);
    await request(app.url).get('/admin/keys').expect(401);
    await request(app.url).get('/v1/models').expect(401);
    await make({ name: 'alice' }, root.secret);
    const { items } = await audited('', root.secret);
    expect(items.filter(({ event }) => event === 'key.created').map(({ actor }) => actor)).toEqual([
      'root',
      null,
    ]);
  });

  it('keeps its last admin’s key unless that is forced', async () => {
    app = await startApp();
    const { body: root } = await request(app.url).post('/admin/keys').send({ name: 'root', role: 'admin' });
    const { id } = await make({ name: 'other', role: 'admin' }, root.secret);
    await request(app.url).delete(`/admin/keys/${id}`).set(as(root.secret)).expect(200);
    const { body: refused } = await request(app.url)
      .delete('/admin/keys/root')
      .set(as(root.secret))
      .expect(409);
    expect(refused).toMatchObject({ code: 'last_admin_key', param: 'force' });
    await request(app.url).get('/admin/keys').set(as(root.secret)).expect(200);
    await request(app.url).delete('/admin/keys/root?force=true').set(as(root.secret)).expect(200);
    await request(app.url).get('/admin/keys').set(as(root.secret)).expect(401);
    const audit = await readFile(app.parts.admin.auditFile, 'utf8');
    expect(audit).toContain('"forced":true');
  });
});
