// The tokens that a key may use in a day, seen from outside: what they are counted for, and what they outlast.
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { hasRedisServer, startRedis } from '../chaos/redis-server.mjs';
import { EMBEDDER, PLAN, post, SLOW, SLOW_CHAT, usageOf, useCallerKeys } from './testing/caller-keys.js';
import { openStream } from './testing/read-stream.js';
import { type StartedApp, startApp } from './testing/start-app.js';

const keys = useCallerKeys();
const start = (env: Record<string, string> = {}) => startApp({ plan: PLAN, env: { ...keys.env(), ...env } });

describe('tokens of a day', () => {
  it('are counted for what ends, what fails and what is cancelled, and refused once they are used up', async () => {
    const app = await start();
    try {
      await app.ready();
      const headers = await keys.make({ limits: { tokensPerDay: 60 } }, app);
      const whole = await post(app, '/v1/chat/completions', headers, {
        ...SLOW_CHAT,
        messages: [{ role: 'user', content: 'hello' }],
      });
      const { usage } = JSON.parse(whole.text) as { usage: { total_tokens: number } };
      expect((await usageOf(app, headers)).tokens_today).toBe(usage.total_tokens);
      expect(whole.headers).toMatchObject({
        'x-ratelimit-limit-tokens': '60',
        'x-ratelimit-remaining-tokens': '60',
      });

      const failing = await post(app, '/generate', headers, { prompt: 'DIES' });
      expect(failing.text).toContain('worker');
      const afterFailure = (await usageOf(app, headers)).tokens_today;
      expect(afterFailure).toBeGreaterThan(usage.total_tokens);
      await app.ready();

      const left = await openStream(`${app.url}/generate`, { headers, body: SLOW });
      await left.seen(text => text.split('\n').length > 10);
      // It may end what it has begun: only what comes after it is refused.
      await app.until(async () => left.text().split('\n').length > 80);
      left.leave();
      await app.until(async () => (await usageOf(app, headers)).tokens_today > afterFailure + 60);

      const refused = await post(app, '/v1/chat/completions', headers, SLOW_CHAT);
      expect(refused.status).toBe(429);
      expect(JSON.parse(refused.text).error).toMatchObject({
        type: 'rate_limit_error',
        message: expect.stringMatching(/may use 60 tokens a day .* midnight UTC/),
      });
      const untilMidnight = 86_400 - ((Date.now() / 1_000) % 86_400);
      const seconds = Number(refused.headers['retry-after']);
      expect(Math.abs(seconds - untilMidnight)).toBeLessThan(60);
      expect(refused.headers).toMatchObject({
        'x-should-retry': 'false',
        'x-ratelimit-remaining-tokens': '0',
        'x-ratelimit-reset-tokens': expect.stringMatching(/s$/),
      });
      expect((await post(app, '/v1/embeddings', headers, { model: EMBEDDER, input: 'x' })).status).toBe(429);
      const other = await keys.make({ limits: { tokensPerDay: 60 } }, app);
      expect((await post(app, '/generate', other, { prompt: 'hello' })).status).toBe(200);
    } finally {
      await app.close();
    }
  });

  it('count the tokens of embedded texts', async () => {
    const app = await start();
    try {
      await app.ready();
      const headers = await keys.make({ limits: { tokensPerDay: 1_000 } }, app);
      const { text } = await post(app, '/v1/embeddings', headers, {
        model: EMBEDDER,
        input: ['one two', 'three'],
      });
      const { usage } = JSON.parse(text) as { usage: { total_tokens: number } };
      expect(usage.total_tokens).toBeGreaterThan(0);
      expect((await usageOf(app, headers)).tokens_today).toBe(usage.total_tokens);
    } finally {
      await app.close();
    }
  });

  it('count the texts of documents, which are added by whoever has tokens left', async () => {
    const app = await startApp({ plan: PLAN, env: keys.env(), vault: true });
    try {
      await app.ready();
      const headers = await keys.make({ limits: { tokensPerDay: 20, concurrency: 1 } }, app);
      const add = (text: string) =>
        post(app, '/api/v1/documents/add', headers, { documents: [text.repeat(10)] });
      expect((await add('Whales sing for hours. ')).status).toBe(200);
      const { tokens_today: spent, running } = await usageOf(app, headers);
      expect(spent).toBeGreaterThan(20);
      expect(running).toBe(0);
      const refused = await add('Bats are heard by few. ');
      expect([refused.status, JSON.parse(refused.text).code]).toEqual([429, 'token_budget_exceeded']);
      expect((await usageOf(app, headers)).tokens_today).toBe(spent);
    } finally {
      await app.close();
    }
  });

  it('outlast a restart, and a file that cannot be read is no reason not to start', async () => {
    const dataDir = await mkdtemp(path.join(keys.folder(), 'data-'));
    const env = { MINIVAULT_DATA_DIR: dataDir };
    const usageFile = path.join(dataDir, 'usage.json');
    const headers = await keys.make({ limits: { tokensPerDay: 1_000 } });
    const first = await start(env);
    await first.ready();
    await post(first, '/generate', headers, { prompt: 'hello' });
    const { tokens_today: spent } = await usageOf(first, headers);
    expect(spent).toBeGreaterThan(0);
    // Within a second, and not only at the end.
    await first.until(async () =>
      (await readFile(usageFile, 'utf8').catch(() => '')).includes(String(spent)),
    );
    await first.close();

    const second = await start(env);
    expect((await usageOf(second, headers)).tokens_today).toBe(spent);
    await second.ready();
    await post(second, '/generate', headers, { prompt: 'hello' });
    await second.close();

    const third = await start(env);
    expect((await usageOf(third, headers)).tokens_today).toBe(2 * spent);
    await third.close();

    await writeFile(usageFile, '{"day": 7');
    const fourth = await start(env);
    expect((await usageOf(fourth, headers)).tokens_today).toBe(0);
    await fourth.close();
  });

  it.skipIf(!hasRedisServer)(
    'are shared by gateways through Redis, and outlast its absence (needs redis-server)',
    async () => {
      const redis = await startRedis();
      const env = { REDIS_URL: redis.url, MINIVAULT_REDIS_TIMEOUT_MS: '5000' };
      const dirs = await Promise.all([1, 2].map(() => mkdtemp(path.join(keys.folder(), 'data-'))));
      const [one, other] = (await Promise.all(
        dirs.map(dir =>
          start({ ...env, MINIVAULT_DATA_DIR: dir, MINIVAULT_LOG_FILE: path.join(dir, 'log.jsonl') }),
        ),
      )) as [StartedApp, StartedApp];
      const isUp = (app: StartedApp) => app.until(() => app.parts.limits.status().redis?.isUp === true);
      try {
        await Promise.all([one.ready(), other.ready(), isUp(one), isUp(other)]);
        const headers = await keys.make({ limits: { tokensPerDay: 1_000 } }, one, other);
        await post(one, '/generate', headers, { prompt: 'hello' });
        const { tokens_today: spent } = await usageOf(one, headers);
        await one.until(async () => (await usageOf(other, headers)).tokens_today === spent);
        await post(other, '/generate', headers, { prompt: 'hello' });
        await one.until(async () => (await usageOf(one, headers)).tokens_today === 2 * spent);

        // Redis forgets all when it dies; what each gateway counted alone meanwhile is told to the next one.
        await redis.kill();
        await post(one, '/generate', headers, { prompt: 'hello' });
        expect((await usageOf(one, headers)).tokens_today).toBe(3 * spent);
        await redis.start();
        await Promise.all([isUp(one), isUp(other)]);
        await one.until(async () => (await usageOf(other, headers)).tokens_today === 3 * spent);
      } finally {
        await Promise.all([one.close(), other.close()]);
        await redis.kill();
      }
    },
    60_000,
  );
});
