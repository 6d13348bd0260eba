import express from 'express';
import request from 'supertest';
import { describe, expect, it } from 'vitest';
import { ownerAt } from '../access/callers.js';
import { simpleErrorBody } from '../dialects/simple-ndjson.js';
import type { RequestClass } from '../limits/limits.js';
import { silentLogger } from '../log.js';
import { may } from './access.js';
import { errorHandler } from './error-handler.js';
import { rateLimits, toDuration } from './rate-limit.js';
import { requestScope, scopeOf } from './request-scope.js';

function appThatCounts(resetMs: number) {
  const counted: RequestClass[] = [];
  const app = express();
  app.use(requestScope(silentLogger()));
  app.use((_req, res, next) => {
    scopeOf(res).caller = ownerAt('198.51.100.7');
    next();
  });
  app.use(
    rateLimits({
      count: async (_asker, kind) => {
        counted.push(kind);
        return { isAdmitted: kind !== 'embedding', limit: 9, remaining: 4, resetMs };
      },
      tokensOf: () => ({ day: '2026-11-27', spent: 0, budget: null, leftMs: 1 }),
    }),
  );
  app.use(
    express.Router().all('/twice', may('history'), may('documents:read'), (_req, res) => void res.json({})),
  );
  app.use(express.Router().all('/both', may('history'), may('generate'), (_req, res) => void res.json({})));
  app.use(express.Router().all('/full', may('embed'), (_req, res) => void res.json({})));
  app.use(express.Router().all('/open', may('open'), (_req, res) => void res.json({})));
  app.use(errorHandler(() => simpleErrorBody));
  return { app, counted };
}

describe('counting a request', () => {
  it('happens once a class, however many scopes its route wants', async () => {
    const { app, counted } = appThatCounts(1);
    await request(app).get('/twice').expect(200);
    expect(counted).toEqual(['other']);
    await request(app).get('/both').expect(200);
    expect(counted).toEqual(['other', 'other', 'generation']);
    const { headers } = await request(app).get('/open').expect(200);
    expect(headers).not.toHaveProperty('x-ratelimit-limit');
    expect(counted).toHaveLength(3);
  });

  it('tells whole seconds that are never too short, and of a refusal at least one', async () => {
    const { app } = appThatCounts(0.4);
    const { headers } = await request(app).get('/full').expect(429);
    expect(headers).toMatchObject({
      'x-ratelimit-limit': '9',
      'x-ratelimit-remaining': '4',
      'x-ratelimit-reset': '1',
      'retry-after': '1',
      'retry-after-ms': '1',
      'x-should-retry': 'true',
    });
    const later = await request(appThatCounts(59_000.2).app).get('/full').expect(429);
    expect(later.headers).toMatchObject({ 'retry-after': '60', 'retry-after-ms': '59001' });
  });
});

describe('a duration as OpenAI writes it', () => {
  it.each([
    [0, '0ms'],
    [0.2, '1ms'],
    [999, '999ms'],
    [1_000, '1s'],
    [12_500, '12.5s'],
    [59_999.1, '1m0s'],
    [61_001, '1m1.001s'],
    [3_600_000, '1h0m0s'],
    [86_399_000, '23h59m59s'],
  ])('of %d ms is %s', (ms, text) => {
    expect(toDuration(ms)).toBe(text);
  });
});
