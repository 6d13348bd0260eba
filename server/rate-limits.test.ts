// Requests counted by address, seen from outside: in which class, and what every answer tells.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { usageSchema } from './dialects/usage.js';
import { runCli, useCli } from './testing/cli-process.js';
import { askFrom, COUNTING, LIMIT, limitsOf, newAddress, OTHERS } from './testing/counted-requests.js';
import { openStream } from './testing/read-stream.js';
import { type StartedApp, startApp } from './testing/start-app.js';

useCli();

const PLAN = { tokens: 2, rules: [{ match: 'SLOW', tokens: 1_000_000, gap_ms: 5 }] };
const PROMPT = { prompt: 'hello' };
const CHAT = { model: 'fake', messages: [{ role: 'user', content: 'hello' }] };

describe('a gateway without keys', () => {
  let app: StartedApp;
  beforeAll(async () => {
    app = await startApp({
      plan: PLAN,
      vault: true,
      env: { ...COUNTING, MINIVAULT_TRUST_PROXY: '127.0.0.1' },
    });
    await app.ready();
  });
  afterAll(() => app.close());

  it('tells in every answer of a route how many requests are left: of streams, refusals and wrong methods alike', async () => {
    const from = newAddress();
    const stream = await askFrom(from, app, '/generate', { body: PROMPT });
    expect(stream.status).toBe(200);
    expect(limitsOf(stream)).toEqual({ limit: '3', remaining: '2' });
    const reset = Number(stream.headers['x-ratelimit-reset']);
    expect(reset).toBeGreaterThan(3_500);
    expect(reset).toBeLessThanOrEqual(3_600);
    const wrong = await askFrom(from, app, '/generate', { body: { prompt: 7 } });
    expect([wrong.status, limitsOf(wrong)]).toEqual([400, { limit: '3', remaining: '1' }]);
    const method = await askFrom(from, app, '/generate', { method: 'PUT', body: {} });
    expect([method.status, limitsOf(method)]).toEqual([405, { limit: '3', remaining: '0' }]);
    const refused = await askFrom(from, app, '/generate', { body: PROMPT });
    expect([refused.status, limitsOf(refused)]).toEqual([429, { limit: '3', remaining: '0' }]);
  });

  it.each<[string, unknown, (body: Record<string, unknown>) => unknown]>([
    ['/generate', PROMPT, body => [typeof body.error, body.code]],
    ['/stream?stream_format=text', PROMPT, body => [typeof body.error, body.code]],
    ['/api/v1/chat', { messages: CHAT.messages }, body => [typeof body.error, body.code]],
    ['/api/generate', { model: 'fake', ...PROMPT }, body => [typeof body.error, 'rate_limited']],
    ['/api/chat', CHAT, body => [typeof body.error, 'rate_limited']],
  ])(
    'refuses one too many of %s in its own dialect, and says when to come again',
    async (route, sent, read) => {
      const from = newAddress();
      for (let i = 0; i < LIMIT; i++)
        expect((await askFrom(from, app, route, { body: sent })).status).toBe(200);
      const { status, headers, text } = await askFrom(from, app, route, { body: sent });
      expect(status).toBe(429);
      expect(read(JSON.parse(text))).toEqual(['string', 'rate_limited']);
      expect(text).toMatch(/Too many requests: .* there is room for the next in \d+ s/);
      const seconds = Number(headers['retry-after']);
      expect(seconds).toBeGreaterThanOrEqual(1);
      expect(seconds).toBeLessThanOrEqual(3_601);
      expect(Math.ceil(Number(headers['retry-after-ms']) / 1_000)).toBe(seconds);
      // An hour is nothing that a client should sit out.
      expect(headers['x-should-retry']).toBe('false');
    },
  );

  it.each([
    ['/v1/chat/completions', CHAT],
    ['/v1/completions', { model: 'fake', ...PROMPT }],
    ['/v1/responses', { model: 'fake', input: 'hello' }],
  ])(
    'refuses one too many of %s as OpenAI does, whose names of the figures stand in every answer',
    async (route, sent) => {
      const from = newAddress();
      for (let left = LIMIT - 1; left >= 0; left--) {
        const { status, headers } = await askFrom(from, app, route, { body: sent });
        expect(status).toBe(200);
        expect(headers).toMatchObject({
          'x-ratelimit-limit-requests': '3',
          'x-ratelimit-remaining-requests': String(left),
          'x-ratelimit-reset-requests': expect.stringMatching(/^(59m[\d.]+s|1h0m0s)$/),
        });
      }
      const { status, text } = await askFrom(from, app, route, { body: sent });
      expect(status).toBe(429);
      expect(JSON.parse(text).error).toMatchObject({ type: 'rate_limit_error', message: expect.any(String) });
    },
  );

  it('refuses one too many of /v1/messages as Anthropic does', async () => {
    const from = newAddress();
    const sent = { ...CHAT, max_tokens: 5 };
    for (let i = 0; i < LIMIT; i++) await askFrom(from, app, '/v1/messages', { body: sent });
    const { status, text } = await askFrom(from, app, '/v1/messages', { body: sent });
    expect(status).toBe(429);
    expect(JSON.parse(text)).toMatchObject({ type: 'error', error: { type: 'rate_limit_error' } });
  });

  it('counts generations, vectors and all else apart', async () => {
    const from = newAddress();
    for (let i = 0; i <= LIMIT; i++) await askFrom(from, app, '/generate', { body: PROMPT });
    const embed = { body: { model: 'all-minilm-l6-v2', input: 'x' } };
    expect(limitsOf(await askFrom(from, app, '/v1/embeddings', embed))).toEqual({
      limit: '2',
      remaining: '1',
    });
    expect(limitsOf(await askFrom(from, app, '/api/embed', embed))).toEqual({ limit: '2', remaining: '0' });
    expect((await askFrom(from, app, '/v1/embeddings', embed)).status).toBe(429);
    for (const [i, route] of [
      '/history',
      '/v1/models',
      '/api/tags',
      '/health',
      '/search?query=x',
    ].entries()) {
      const answer = await askFrom(from, app, route, { method: 'GET' });
      expect([answer.status, limitsOf(answer)]).toEqual([
        200,
        { limit: '6', remaining: String(OTHERS - 1 - i) },
      ]);
    }
    const replay = await askFrom(from, app, '/history/x/replay', { body: {} });
    expect(replay.status).toBe(429);
  });

  it('counts no request for text where one only asks what became of it', async () => {
    const from = newAddress();
    for (let i = 0; i < LIMIT; i++) await askFrom(from, app, '/generate', { body: PROMPT });
    for (const [i, [method, route]] of (
      [
        ['GET', '/v1/responses/resp_x'],
        ['GET', '/v1/responses/resp_x/input_items'],
        ['POST', '/v1/responses/resp_x/cancel'],
        ['DELETE', '/v1/responses/resp_x'],
        ['DELETE', '/api/v1/chat/stream/nobody'],
      ] as const
    ).entries()) {
      const answer = await askFrom(from, app, route, { method });
      expect([route, answer.status, limitsOf(answer)]).toEqual([
        route,
        404,
        { limit: '6', remaining: String(OTHERS - 1 - i) },
      ]);
    }
    expect((await askFrom(from, app, '/v1/responses', { body: { input: 'hello' } })).status).toBe(429);
  });

  it('counts no request for what is open to all, nor for what does not exist', async () => {
    const from = newAddress();
    for (const route of ['/', '/livez', '/readyz', '/nowhere']) {
      for (let i = 0; i < 10; i++) {
        const { status, headers } = await askFrom(from, app, route, { method: 'GET' });
        expect([200, 404]).toContain(status);
        expect(headers).not.toHaveProperty('x-ratelimit-limit');
      }
    }
    expect(limitsOf(await askFrom(from, app, '/health', { method: 'GET' })).remaining).toBe(
      String(OTHERS - 1),
    );
  });

  it('counts a request once, whether it waits in line, is cancelled or runs to its end', async () => {
    const from = newAddress();
    const { slots } = app.parts.worker.status();
    const others = await Promise.all(Array.from({ length: slots }, () => open(newAddress())));
    const waiting = await open(from);
    await waiting.seen(text => text.includes('queued'));
    expect(limitsOf(waiting)).toEqual({ limit: '3', remaining: '2' });
    waiting.leave();
    await app.until(() => app.parts.admission.waiting === 0);
    for (const other of others) other.leave();
    await app.until(() => app.parts.admission.running === 0);
    expect(limitsOf(await askFrom(from, app, '/generate', { body: PROMPT }))).toEqual({
      limit: '3',
      remaining: '1',
    });
  });

  function open(from: string) {
    return openStream(`${app.url}/generate`, {
      headers: { 'X-Forwarded-For': from },
      body: { prompt: 'SLOW', max_tokens: 4_000 },
    });
  }

  it('tells a caller what it has used', async () => {
    const from = newAddress();
    await askFrom(from, app, '/generate', { body: PROMPT });
    const { text } = await askFrom(from, app, '/v1/usage', { method: 'GET' });
    const usage = usageSchema.parse(JSON.parse(text));
    expect(usage).toMatchObject({
      caller: null,
      day: new Date().toISOString().slice(0, 10),
      tokens_per_day: null,
      running: 0,
      concurrency: null,
      requests: {
        generation: { limit: LIMIT, window_seconds: 3_600, remaining: LIMIT - 1 },
        embedding: { limit: 2, remaining: 2, reset_seconds: 0 },
        other: { limit: OTHERS, remaining: OTHERS - 1 },
      },
    });
    const { usage: told } = (await app.readLog()).at(-1) as { usage: Record<string, number> };
    expect(told.completion_tokens).toBe(2);
    expect(usage.tokens_today).toBe((told.prompt_tokens ?? 0) + 2);
  });

  it('is understood by the command line', async () => {
    const { port } = new URL(app.url);
    const run = async () => {
      const cli = runCli(['hello'], { env: { PORT: port } });
      return { code: await cli.ended, said: cli.stderr() };
    };
    const outcomes = [];
    for (let i = 0; i <= LIMIT; i++) outcomes.push(await run());
    expect(outcomes.slice(0, LIMIT).map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(outcomes[LIMIT]?.code).toBe(2);
    expect(outcomes[LIMIT]?.said).toMatch(
      /Too many requests: .* there is room for the next in \d+ s\. \(rate_limited\)/,
    );
  });
});

describe('a gateway that trusts no proxy', () => {
  let app: StartedApp;
  beforeAll(async () => {
    app = await startApp({ env: { ...COUNTING, RATE_LIMIT_OTHER_REQUESTS: '5' } });
  });
  afterAll(() => app.close());

  it('has one bucket for 1,000 forged addresses', async () => {
    const statuses: number[] = [];
    for (let i = 0; i < 1_000; i += 50) {
      const lot = Array.from({ length: 50 }, (_, j) =>
        fetch(`${app.url}/v1/models`, {
          headers: {
            'X-Forwarded-For': `203.0.${(i + j) >> 8}.${(i + j) & 255}`,
            Forwarded: `for=10.0.0.${j}`,
          },
        }).then(async response => {
          await response.arrayBuffer();
          return response.status;
        }),
      );
      statuses.push(...(await Promise.all(lot)));
    }
    expect(statuses.filter(status => status === 200)).toHaveLength(5);
    expect(statuses.filter(status => status === 429)).toHaveLength(995);
  });
});
