// Requests counted by key, and wrong keys by address, seen from outside.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { useCallerKeys } from './testing/caller-keys.js';
import { type Asked, askFrom, COUNTING, LIMIT, limitsOf, newAddress } from './testing/counted-requests.js';
import { type StartedApp, startApp } from './testing/start-app.js';

const PLAN = { tokens: 2 };
const PROMPT = { prompt: 'hello' };
const keys = useCallerKeys();

describe('a gateway with keys', () => {
  const made: Record<string, Record<string, string>> = {};
  let app: StartedApp;
  beforeAll(async () => {
    app = await startApp({
      plan: PLAN,
      env: { ...COUNTING, ...keys.env(), MINIVAULT_TRUST_PROXY: '127.0.0.1' },
    });
    await app.ready();
    made.ann = await keys.make({}, app);
    made.bob = await keys.make({}, app);
    made.fast = await keys.make({ limits: { requestsPerMinute: 5 } }, app);
    made.reader = await keys.make({ scopes: ['history'] }, app);
  });
  afterAll(() => app.close());

  /** With the key of that name, or with the name for a key. */
  const asKey = (name: string, route: string, asked: Asked = {}, from = newAddress()) =>
    askFrom(from, app, route, { ...asked, headers: made[name] ?? { 'X-API-Key': name } });

  it('counts by key, from wherever that comes, and for nobody else', async () => {
    for (let i = 0; i < LIMIT; i++) await asKey('ann', '/generate', { body: PROMPT });
    expect((await asKey('ann', '/generate', { body: PROMPT })).status).toBe(429);
    expect(limitsOf(await asKey('bob', '/generate', { body: PROMPT }))).toEqual({
      limit: '3',
      remaining: '2',
    });
  });

  it('gives a key its own number a minute', async () => {
    for (let left = 4; left >= 0; left--) {
      const answer = await asKey('fast', '/generate', { body: PROMPT });
      expect([answer.status, limitsOf(answer)]).toEqual([200, { limit: '5', remaining: String(left) }]);
      expect(Number(answer.headers['x-ratelimit-reset'])).toBeLessThanOrEqual(60);
    }
    const refused = await asKey('fast', '/generate', { body: PROMPT });
    expect(refused.status).toBe(429);
    expect(refused.headers['x-should-retry']).toBe('true');
  });

  it('counts what a key may not do, too', async () => {
    const refused = await asKey('reader', '/generate', { body: PROMPT });
    expect([refused.status, limitsOf(refused)]).toEqual([403, { limit: '3', remaining: '2' }]);
  });

  it('hears no more wrong keys from an address that sent too many, and no new right one, but all that came before', async () => {
    const [from, elsewhere] = [newAddress(), newAddress()];
    expect((await asKey('bob', '/v1/usage', { method: 'GET' }, from)).status).toBe(200);
    for (let i = 0; i < 4; i++) {
      expect((await asKey(`guess-${i}`, '/v1/usage', { method: 'GET' }, from)).status).toBe(401);
    }
    const refused = await asKey('guess-5', '/v1/usage', { method: 'GET' }, from);
    expect(refused.status).toBe(429);
    expect(JSON.parse(refused.text).error.message).toContain('Too many wrong keys');
    expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    const guessed = await asKey('ann', '/v1/usage', { method: 'GET' }, from);
    const strip = (text: string) => text.replace(/"request_id":"[^"]*"/, '');
    expect([guessed.status, strip(guessed.text)]).toEqual([429, strip(refused.text)]);
    expect((await asKey('bob', '/v1/usage', { method: 'GET' }, from)).status).toBe(200);
    expect((await asKey('ann', '/v1/usage', { method: 'GET' }, elsewhere)).status).toBe(200);
  });

  it('answers who sends no key with 401 as often as it likes: that guesses nothing', async () => {
    const from = newAddress();
    for (let i = 0; i < 20; i++) {
      expect((await askFrom(from, app, '/v1/usage', { method: 'GET' })).status).toBe(401);
    }
    expect((await asKey('ann', '/v1/usage', { method: 'GET' }, from)).status).toBe(200);
  });
});

describe('a gateway that counts no requests', () => {
  it('still holds what a key has of its own, and tells nobody else of limits', async () => {
    const app = await startApp({ plan: PLAN, env: keys.env() });
    const own = await keys.make({ limits: { requestsPerMinute: 1 } }, app);
    const none = await keys.make({}, app);
    try {
      await app.ready();
      const askThrice = async (headers: Record<string, string>) => {
        const answers = [];
        for (let i = 0; i < 3; i++) {
          answers.push(await askFrom(newAddress(), app, '/generate', { body: PROMPT, headers }));
        }
        return answers;
      };
      expect((await askThrice(own)).map(({ status }) => status)).toEqual([200, 429, 429]);
      for (const { status, headers } of await askThrice(none)) {
        expect(status).toBe(200);
        expect(Object.keys(headers).filter(name => name.startsWith('x-ratelimit'))).toEqual([]);
      }
    } finally {
      await app.close();
    }
  });
});
