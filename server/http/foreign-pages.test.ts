import express from 'express';
import request from 'supertest';
import { describe, expect, it } from 'vitest';
import { simpleErrorBody } from '../dialects/simple-ndjson.js';
import { silentLogger } from '../log.js';
import { errorHandler } from './error-handler.js';
import { type ForeignPagesOptions, foreignPages } from './foreign-pages.js';
import { requestScope } from './request-scope.js';
import { onlyMethods } from './unmatched.js';

const PAGE = 'http://localhost:5173';

function ask(method: 'get' | 'post' | 'options', options: Partial<ForeignPagesOptions> = {}) {
  const app = express();
  app.use(requestScope(silentLogger()));
  app.use(foreignPages({ allowedHosts: [], corsOrigins: [], ...options }));
  app
    .route('/')
    .get((_req, res) => void res.json({}))
    .post((_req, res) => void res.json({}))
    .all(onlyMethods('GET', 'POST'));
  app.use(errorHandler(() => simpleErrorBody));
  return request(app)[method]('/');
}

describe('the host', () => {
  it.each([
    'localhost',
    'localhost:3000',
    'LocalHost:1',
    '127.0.0.1',
    '127.0.0.1:3000',
    '[::1]',
    '[::1]:3000',
  ])('may be %s', async host => {
    await ask('get').set('Host', host).expect(200);
  });

  it.each([
    'evil.example',
    'evil.example:3000',
    'localhost.evil.example',
    'localhost:3000.evil.example',
    '127.0.0.1.nip.io',
    '0.0.0.0:3000',
    '192.168.1.2',
    'localhost@evil.example',
    '::1',
  ])('is refused as %s', async host => {
    await ask('get')
      .set('Host', host)
      .expect(403)
      .expect('X-Should-Retry', 'false')
      .expect(res => expect(res.body).toMatchObject({ code: 'forbidden_host', param: 'Host' }));
  });

  it('may be one that the settings allow, on any port', async () => {
    const allowedHosts = ['vault.lan'];
    await ask('get', { allowedHosts }).set('Host', 'Vault.lan:8080').expect(200);
    await ask('get', { allowedHosts }).set('Host', 'other.lan').expect(403);
  });
});

describe('a web page', () => {
  it.each(['get', 'post', 'options'] as const)('of another origin gets nothing by %s', async method => {
    for (const origin of ['https://evil.example', PAGE, 'null', 'http://localhost.evil.example']) {
      await ask(method)
        .set('Host', 'localhost:3000')
        .set('Origin', origin)
        .expect(403)
        .expect(res => {
          expect(res.body).toMatchObject({ code: 'forbidden_origin', param: 'Origin' });
          expect(res.headers).not.toHaveProperty('access-control-allow-origin');
        });
    }
  });

  it('of the gateway itself may do all', async () => {
    await ask('post').set('Host', 'localhost:3000').set('Origin', 'http://localhost:3000').expect(200);
    await ask('post').set('Host', '[::1]:3000').set('Origin', 'http://[::1]:3000').expect(200);
  });

  it('of another site cannot use an image or a script, but a link to here works', async () => {
    await ask('get').set('Sec-Fetch-Site', 'cross-site').set('Sec-Fetch-Mode', 'no-cors').expect(403);
    await ask('get').set('Sec-Fetch-Site', 'cross-site').set('Sec-Fetch-Mode', 'navigate').expect(200);
    await ask('get').set('Sec-Fetch-Site', 'same-origin').set('Sec-Fetch-Mode', 'no-cors').expect(200);
  });

  it('of an allowed origin may read the answer and the headers that matter', async () => {
    const { headers } = await ask('post', { corsOrigins: [PAGE] })
      .set('Origin', PAGE)
      .expect(200);
    expect(headers).toMatchObject({ 'access-control-allow-origin': PAGE, vary: 'Origin' });
    const exposed = String(headers['access-control-expose-headers']).split(',');
    expect(exposed).toEqual(
      expect.arrayContaining(['X-Request-ID', 'X-Exchange-Id', 'Retry-After', 'X-RateLimit-Remaining']),
    );
  });

  it('of an allowed origin is told so before it asks', async () => {
    await ask('options', { corsOrigins: [PAGE] })
      .set('Origin', PAGE)
      .set('Access-Control-Request-Method', 'POST')
      .set('Access-Control-Request-Headers', 'content-type,x-api-key')
      .expect(204)
      .expect('Access-Control-Allow-Origin', PAGE)
      .expect('Access-Control-Allow-Methods', /POST/)
      .expect('Access-Control-Allow-Headers', 'content-type,x-api-key')
      .expect('Access-Control-Max-Age', '600');
  });

  it('never has an answer for one origin served to another from a cache', async () => {
    const { headers } = await ask('get', { corsOrigins: [PAGE] }).expect(200);
    expect(headers.vary).toBe('Origin');
    expect(headers).not.toHaveProperty('access-control-allow-origin');
  });
});

describe('a program', () => {
  it('is not asked for an origin, and still hears which methods there are', async () => {
    await ask('post').expect(200);
    await ask('options').expect(204).expect('Allow', /POST/);
  });
});
