// The Postman collection, run by newman against a whole gateway; and its examples, held against the real answers.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import newman, { type NewmanRunSummary } from 'newman';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { OPERATIONS } from './reference/reference.js';
import { type StartedApp, startApp } from './testing/start-app.js';

const COLLECTION = path.resolve(
  import.meta.dirname,
  '../postman/ModelVault API Demo.postman_collection.json',
);

interface Example {
  readonly name: string;
  readonly code: number;
  readonly body: string;
}

interface Item {
  readonly name: string;
  readonly request: { readonly method: string; readonly url: { readonly raw: string } };
  readonly response: readonly Example[];
  readonly event?: ReadonlyArray<{ readonly listen: string }>;
}

const folders: ReadonlyArray<{ readonly item: readonly Item[] }> = JSON.parse(
  readFileSync(COLLECTION, 'utf8'),
).item;
const items = folders.flatMap(({ item }) => item);

/** They stay open until their client leaves. */
const SKIPPED = ['Open a stream', 'Watch the line'];
const ran = items.filter(({ name }) => !SKIPPED.includes(name));

/** An example of the packaged model as this run's model would have it. */
const served = (example: string): string => example.replaceAll('smollm2-135m-instruct', 'fake');

let app: StartedApp;
let summary: NewmanRunSummary;

beforeAll(async () => {
  // As it comes, but for the length of the window: the collection asks for more than it may, and waits.
  const env = { RATE_LIMIT_ENABLED: 'true', RATE_LIMIT_WINDOW_SECONDS: '3' };
  app = await startApp({ plan: { tokens: 12 }, vault: true, env });
  await app.ready();
  summary = await new Promise((resolve, reject) => {
    const envVar = Object.entries({ baseUrl: app.url, model: 'fake' }).map(([key, value]) => ({
      key,
      value,
    }));
    newman.run({ collection: COLLECTION, envVar, reporters: [] }, (error, result) =>
      error === null ? resolve(result) : reject(error),
    );
  });
}, 60_000);

afterAll(() => app?.close());

function answerTo(name: string) {
  return summary.run.executions.find(({ item }) => item.name === name)?.response;
}

describe('the Postman collection', () => {
  it('runs green under newman', () => {
    expect(summary.run.failures.map(({ source, error }) => `${source?.name}: ${error.message}`)).toEqual([]);
    expect(summary.run.stats.requests).toMatchObject({ total: items.length - SKIPPED.length, failed: 0 });
    expect(summary.run.stats.assertions.total).toBeGreaterThan(2 * items.length);
  });

  it('reaches the status that its first example shows, request by request', () => {
    const codes = ran.map(({ name }) => [name, answerTo(name)?.code]);
    expect(codes).toEqual(ran.map(({ name, response }) => [name, response[0]?.code]));
  });

  it('shows errors as they really are, but for the request id', () => {
    for (const { name, response: examples } of ran) {
      const [example] = examples;
      if (example === undefined || example.code < 400) continue;
      const shown = JSON.stringify({ ...JSON.parse(example.body), request_id: '' });
      const real = JSON.stringify({ ...answerTo(name)?.json(), request_id: '' });
      expect(served(shown), name).toEqual(real);
    }
  });

  it('manages keys with an admin’s, and leaves none behind that works', async () => {
    const keyed = await startApp({ env: { API_KEY: 'canary-5d1f0c9ab7e84e21' } });
    onTestFinished(() => keyed.close());
    const envVar = [
      { key: 'baseUrl', value: keyed.url },
      { key: 'apiKey', value: 'canary-5d1f0c9ab7e84e21' },
    ];
    const { run } = await new Promise<NewmanRunSummary>((resolve, reject) => {
      newman.run({ collection: COLLECTION, folder: 'Admin', envVar, reporters: [] }, (error, result) =>
        error === null ? resolve(result) : reject(error),
      );
    });
    expect(run.failures.map(({ source, error }) => `${source?.name}: ${error.message}`)).toEqual([]);
    expect(run.executions.map(({ response }) => response.code)).toEqual([201, 200, 200, 200, 200, 200]);
    const states = keyed.parts.admin.keys.all().map(({ revokedAt }) => revokedAt !== null);
    expect(states).toEqual([true]);
  });

  it('has tests and an example for every request', () => {
    for (const { name, event = [], response } of items) {
      expect(
        event.map(({ listen }) => listen),
        name,
      ).toContain('test');
      expect(response.length, name).toBeGreaterThan(0);
    }
  });

  it('knows every route', () => {
    const known = new Set(
      items.map(
        ({ request }) =>
          `${request.method} ${request.url.raw.replace('{{baseUrl}}', '').replace(/\?.*/, '')}`,
      ),
    );
    const missing = OPERATIONS.filter(({ method, path: route }) => {
      const pattern = new RegExp(`^${method.toUpperCase()} ${route.replaceAll(/\{\w+\}/g, '[^/]+')}$`);
      return method !== 'head' && ![...known].some(each => pattern.test(each));
    });
    expect(missing.map(({ method, path: route }) => `${method} ${route}`)).toEqual([]);
  });
});
