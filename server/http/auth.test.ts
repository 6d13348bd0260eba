import express from 'express';
import fc from 'fast-check';
import request from 'supertest';
import { describe, expect, it } from 'vitest';
import { createDoorkeeper } from '../access/doorkeeper.js';
import { readConfig } from '../config.js';
import { simpleErrorBody } from '../dialects/simple-ndjson.js';
import { FailedLogins } from '../limits/failed-logins.js';
import { silentLogger } from '../log.js';
import { authenticate } from './auth.js';
import { errorHandler } from './error-handler.js';
import { requestScope } from './request-scope.js';

const KEY = 'Sesame-0123456789';

function appWith(key: string | null) {
  const app = express();
  app.use(requestScope(silentLogger()));
  const config = readConfig({
    MINIVAULT_KEYS_FILE: '/nowhere/keys.json',
    ...(key === null ? {} : { API_KEY: key }),
  });
  app.use(authenticate(createDoorkeeper(config, silentLogger()), new FailedLogins(null)));
  app.use((_req, res) => void res.json({}));
  app.use(errorHandler(() => simpleErrorBody));
  return app;
}

const locked = appWith(KEY);
const ask = (headers: Record<string, string>) => request(locked).get('/health').set(headers);

describe('a gateway with a key', () => {
  it.each([
    ['Authorization', `Bearer ${KEY}`],
    ['Authorization', `bearer  ${KEY} `],
    ['X-API-Key', KEY],
    ['x-api-key', KEY],
  ])('takes it in %s: %s', async (name, value) => {
    await ask({ [name]: value }).expect(200);
  });

  it('takes it in one header though the other holds what a client had to fill in', async () => {
    await ask({ Authorization: 'Bearer any', 'X-API-Key': KEY }).expect(200);
    await ask({ Authorization: `Bearer ${KEY}`, 'X-API-Key': '' }).expect(200);
  });

  it.each([
    {},
    { Authorization: KEY },
    { Authorization: `Basic ${KEY}` },
    { Authorization: `Bearer ${KEY} ${KEY}` },
    { Authorization: 'Bearer ' },
    { 'X-API-Key': '' },
    { 'X-API-Key': `Bearer ${KEY}` },
    { 'X-API-Key': KEY.toLowerCase() },
    { Cookie: `X-API-Key=${KEY}` },
  ])('refuses %j as it refuses nothing at all', async headers => {
    const { body: refused, headers: told } = await ask(headers as Record<string, string>).expect(401);
    const { body: bare } = await ask({}).expect(401);
    expect({ ...refused, request_id: '' }).toEqual({ ...bare, request_id: '' });
    expect(told['www-authenticate']).toBe('Bearer realm="minivault"');
    expect(told['x-should-retry']).toBe('false');
    expect(JSON.stringify(refused)).not.toContain(KEY);
  });

  it('does not take it from the address, where logs and histories would keep it', async () => {
    await request(locked).get(`/health?api_key=${KEY}&key=${KEY}&X-API-Key=${KEY}`).expect(401);
  });

  it('refuses every other text', async () => {
    const text = fc.stringMatching(/^[\x21-\x7e]{0,40}$/).filter(given => given !== KEY);
    await fc.assert(
      fc.asyncProperty(text, async given => {
        await ask({ 'X-API-Key': given, Authorization: `Bearer ${given}` }).expect(401);
      }),
      { numRuns: 50 },
    );
  });

  it.each([
    ['get', '/', 200],
    ['head', '/', 200],
    ['get', '/livez', 200],
    ['get', '/readyz', 200],
    ['get', '/docs', 200],
    ['get', '/docs/start.js', 200],
    ['get', '/docs/', 401],
    ['get', '/docs/..%2fhistory', 401],
    ['get', '/openapi.json', 401],
    ['post', '/livez', 401],
    ['get', '//livez', 401],
    ['get', '/livez/..', 401],
    ['get', '/livez/../health', 401],
    ['get', '/livez%2f', 401],
    ['get', '/LIVEZ', 401],
    ['options', '/health', 401],
  ] as const)('answers %s %s with %i to whoever asks', async (method, path, status) => {
    await request(locked)[method](path).expect(status);
  });
});

it('a gateway without a key asks for none', async () => {
  await request(appWith(null)).get('/health').set('X-API-Key', 'any').expect(200);
});
