// Every answer, whatever it is and however it fails, tells browsers the same.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type StartedApp, startApp } from './testing/start-app.js';

const KEY = 'k'.repeat(16);
const PAGE = 'http://page.example';

let app: StartedApp;
beforeAll(async () => {
  app = await startApp({
    plan: { tokens: 2 },
    env: { API_KEY: KEY, MINIVAULT_CORS_ORIGINS: PAGE, MINIVAULT_ALLOWED_HOSTS: 'vault.lan' },
  });
  await app.ready();
});
afterAll(() => app.close());

function ask(path: string, options: RequestInit = {}): Promise<Response> {
  return fetch(`${app.url}${path}`, {
    ...options,
    headers: { 'X-API-Key': KEY, 'Content-Type': 'application/json', ...options.headers },
  });
}
const post = (body: string, headers: Readonly<Record<string, string>> = {}) => ({
  method: 'POST',
  body,
  headers,
});

describe('an answer', () => {
  it.each<[string, number, string, RequestInit]>([
    ['JSON', 200, '/health', {}],
    ['text', 200, '/', {}],
    ['a page', 200, '/', { headers: { Accept: 'text/html' } }],
    ['the reference', 200, '/docs', {}],
    ['a script of it', 200, '/docs/start.js', {}],
    ['a stream of lines', 200, '/generate', post('{"prompt":"a"}')],
    ['a stream of text', 200, '/generate', post('{"prompt":"a"}', { Accept: 'text/plain' })],
    [
      'events',
      200,
      '/v1/chat/completions',
      post('{"messages":[{"role":"user","content":"a"}],"stream":true}'),
    ],
    ['no body', 204, '/generate', { method: 'OPTIONS' }],
    ['a fault of the body', 400, '/generate', post('{')],
    ['a wrong key', 401, '/health', { headers: { 'X-API-Key': 'wrong' } }],
    ['a foreign page', 403, '/health', { headers: { Origin: 'http://evil.example' } }],
    ['nothing there', 404, '/nowhere', {}],
    ['a broken path', 400, '/%zz', {}],
    ['another method', 405, '/health', { method: 'DELETE' }],
    ['an allowed page', 200, '/health', { headers: { Origin: PAGE } }],
    [
      'a preflight',
      204,
      '/health',
      { method: 'OPTIONS', headers: { Origin: PAGE, 'Access-Control-Request-Method': 'GET' } },
    ],
  ])('that is %s has them all', async (_name, status, path, options) => {
    const response = await ask(path, options);
    await response.text();
    expect(response.status).toBe(status);
    const headers = Object.fromEntries(response.headers);
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cross-origin-resource-policy': 'same-origin',
      'cross-origin-opener-policy': 'same-origin',
      'content-security-policy': expect.stringMatching(
        /^default-src 'none'; ?base-uri 'none';.*frame-ancestors 'none'/,
      ),
    });
    expect(headers).not.toHaveProperty('x-powered-by');
    expect(headers).not.toHaveProperty('server');
    // Over plain HTTP it would mean nothing, and behind TLS it is the proxy's.
    expect(headers).not.toHaveProperty('strict-transport-security');
    expect(headers['content-security-policy']).not.toMatch(/unsafe-eval|\*|https?:/);
  });

  it('lets pages load what they hold, and nothing from elsewhere', async () => {
    const policyOf = async (path: string) =>
      (await ask(path, { headers: { Accept: 'text/html' } })).headers.get('content-security-policy') ?? '';
    expect(await policyOf('/')).toBe(
      "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'",
    );
    expect(await policyOf('/docs')).toContain("script-src 'self'; style-src 'self' 'unsafe-inline';");
    expect(await policyOf('/docs')).not.toMatch(/script-src[^;]*unsafe/);
  });
});
