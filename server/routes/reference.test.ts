import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApp } from '../app.js';
import { OPERATIONS } from '../reference/reference.js';
import { routesOf } from '../testing/router-routes.js';
import { type StartedApp, startApp } from '../testing/start-app.js';

describe('the reference', () => {
  let app: StartedApp;
  beforeAll(async () => {
    app = await startApp();
  });
  afterAll(() => app.close());

  it('has an operation for every route, and no other', () => {
    const described = OPERATIONS.filter(({ method }) => method !== 'head');
    expect(described.map(({ method, path }) => `${method} ${path}`).toSorted()).toEqual(
      routesOf(createApp(app.parts)).toSorted(),
    );
  });

  it('is OpenAPI 3.1 made from the schemas that the routes parse with', async () => {
    const { body } = await request(app.url).get('/openapi.json').expect(200);
    expect(body).toMatchObject({
      openapi: '3.1.0',
      info: { title: 'minivault', version: app.parts.version },
    });
    const { schema } = body.paths['/generate'].post.requestBody.content['application/json'];
    expect(schema).toMatchObject({
      required: ['prompt'],
      additionalProperties: false,
      properties: { temperature: { minimum: 0, maximum: 2, default: 0.2 } },
    });
    const ids = Object.values<Record<string, { operationId: string }>>(body.paths).flatMap(path =>
      Object.values(path).map(({ operationId }) => operationId),
    );
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('tells every status that an error may have, with its codes', async () => {
    const { body } = await request(app.url).get('/openapi.json').expect(200);
    const { responses } = body.paths['/generate'].post;
    expect(Object.keys(responses)).toEqual([
      '200',
      '400',
      '403',
      '406',
      '408',
      '409',
      '413',
      '415',
      '417',
      '429',
      '431',
      '500',
      '502',
      '503',
      '504',
    ]);
    expect(responses[503].description).toContain('`queue_full`: Too many prompts are waiting.');
  });

  it('is a page whose every part comes from here', async () => {
    const { text, headers } = await request(app.url).get('/docs').expect(200);
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    const parts = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, part]) => part ?? '');
    expect(parts.length).toBe(4);
    for (const part of parts) {
      expect(part).toMatch(/^\/docs\//);
      await request(app.url).get(part).expect(200).expect('X-Content-Type-Options', 'nosniff');
    }
    await request(app.url).get('/docs/..%2Fpackage.json').expect(404);
    await request(app.url).get('/docs/index.html').expect(404);
  });
});
