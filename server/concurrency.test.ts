// Requests that a key may have at once, seen from outside: over every way in which one begins and ends.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EMBEDDER, PLAN, post, SLOW, SLOW_CHAT, usageOf, useCallerKeys } from './testing/caller-keys.js';
import { openStream } from './testing/read-stream.js';
import { type StartedApp, startApp } from './testing/start-app.js';

const keys = useCallerKeys();

describe('requests at once', () => {
  let app: StartedApp;
  beforeAll(async () => {
    app = await startApp({ plan: PLAN, env: keys.env() });
    await app.ready();
  });
  afterAll(() => app.close());

  const isFree = async (headers: Record<string, string>) => (await usageOf(app, headers)).running === 0;

  it('are as many as the key may have, whether they run or wait', async () => {
    const headers = await keys.make({ limits: { concurrency: 4 } }, app);
    const open = await Promise.all(
      [1, 2, 3, 4].map(() => openStream(`${app.url}/generate`, { headers, body: SLOW })),
    );
    await app.until(() => app.parts.admission.running === 2 && app.parts.admission.waiting === 2);
    expect((await usageOf(app, headers)).running).toBe(4);
    const refused = await post(app, '/v1/chat/completions', headers, { ...SLOW_CHAT });
    expect(refused.status).toBe(429);
    expect(JSON.parse(refused.text).error).toMatchObject({ type: 'rate_limit_error' });
    expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    expect(refused.headers['x-should-retry']).toBe('true');
    const other = await keys.make({ limits: { concurrency: 1 } }, app);
    const others = await openStream(`${app.url}/generate`, { headers: other, body: SLOW });
    expect(others.status).toBe(200);
    for (const stream of [...open, others]) stream.leave();
    await app.until(async () => (await isFree(headers)) && (await isFree(other)));
    expect((await post(app, '/generate', headers, { prompt: 'hello' })).status).toBe(200);
  });

  it('count as one where one request has many choices', async () => {
    const headers = await keys.make({ limits: { concurrency: 1 } }, app);
    const { status, text } = await post(app, '/v1/chat/completions', headers, {
      ...SLOW_CHAT,
      messages: [{ role: 'user', content: 'hello' }],
      n: 3,
    });
    expect([status, JSON.parse(text).choices.length]).toEqual([200, 3]);
    expect(await isFree(headers)).toBe(true);
  });

  it.each<[string, string, unknown]>([
    ['ends', '/generate', { prompt: 'hello' }],
    ['is no valid request', '/generate', { prompt: 7 }],
    ['is refused by the model', '/generate', { prompt: 'hello', seed: 1, max_tokens: 10_000_000 }],
    ['dies with its worker', '/generate', { prompt: 'DIES' }],
    [
      'dies in a whole answer',
      '/v1/chat/completions',
      { ...SLOW_CHAT, messages: [{ role: 'user', content: 'DIES' }] },
    ],
    ['asks for an unknown model', '/v1/chat/completions', { ...SLOW_CHAT, model: 'other' }],
    ['wants vectors', '/v1/embeddings', { model: EMBEDDER, input: 'hello' }],
    ['wants vectors of other length', '/v1/embeddings', { model: EMBEDDER, input: 'hello', dimensions: 7 }],
  ])('have their place again when one %s', async (_, route, body) => {
    const headers = await keys.make({ limits: { concurrency: 1 } }, app);
    await post(app, route, headers, body);
    await app.until(() => isFree(headers));
    await app.ready();
    expect((await post(app, '/generate', headers, { prompt: 'hello' })).status).toBe(200);
  });

  it('have their place again when a client leaves in the middle', async () => {
    const headers = await keys.make({ limits: { concurrency: 1 } }, app);
    for (const [route, body] of [
      ['/generate', SLOW],
      ['/v1/chat/completions', { ...SLOW_CHAT, stream: true }],
      ['/v1/messages', { ...SLOW_CHAT, stream: true }],
      ['/api/chat', { ...SLOW_CHAT, options: { num_predict: 4_000 } }],
    ] as const) {
      const stream = await openStream(app.url + route, { headers, body });
      expect(stream.status, route).toBe(200);
      await stream.seen(text => text.length > 0);
      stream.leave();
      await app.until(() => isFree(headers));
    }
  });

  it('have their place until a response in the background has ended', async () => {
    const headers = await keys.make({ limits: { concurrency: 1 } }, app);
    const begun = await post(app, '/v1/responses', headers, {
      model: 'fake',
      input: 'SLOW',
      max_output_tokens: 4_000,
      background: true,
    });
    expect(begun.status).toBe(200);
    expect((await usageOf(app, headers)).running).toBe(1);
    expect((await post(app, '/generate', headers, { prompt: 'hello' })).status).toBe(429);
    const { id } = JSON.parse(begun.text) as { id: string };
    expect((await post(app, `/v1/responses/${id}/cancel`, headers, {})).status).toBe(200);
    await app.until(() => isFree(headers));
  });

  it('have their place until a job of the two-step chat has ended', async () => {
    const headers = await keys.make({ limits: { concurrency: 1 } }, app);
    const client = 'two-step';
    const stream = await openStream(`${app.url}/api/v1/chat/stream/${client}`, { method: 'GET', headers });
    await stream.seen(text => text.includes('connected'));
    const submit = (prompt: string) =>
      post(app, '/api/v1/chat/submit', headers, { prompt, client_id: client, max_tokens: 4_000 });
    expect((await submit('SLOW')).status).toBe(202);
    const refused = await submit('hello');
    expect([refused.status, JSON.parse(refused.text).code]).toEqual([429, 'concurrency_exceeded']);
    await fetch(`${app.url}/api/v1/chat/stream/${client}`, { method: 'DELETE', headers });
    stream.leave();
    await app.until(() => isFree(headers));
  });
});
