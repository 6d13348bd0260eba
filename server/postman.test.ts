// The Postman collection, run by newman against a whole gateway; and its examples, held against the real answers.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import newman, { type NewmanRunSummary } from 'newman';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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

let app: StartedApp;
let summary: NewmanRunSummary;

beforeAll(async () => {
  app = await startApp({ plan: { tokens: 12 } });
  await app.ready();
  summary = await new Promise((resolve, reject) => {
    const envVar = [{ key: 'baseUrl', value: app.url }];
    newman.run({ collection: COLLECTION, envVar, reporters: [] }, (error, result) =>
      error === null ? resolve(result) : reject(error),
    );
  });
}, 60_000);

afterAll(() => app?.close());

describe('the Postman collection', () => {
  it('runs green under newman', () => {
    expect(summary.run.failures.map(({ source, error }) => `${source?.name}: ${error.message}`)).toEqual([]);
    expect(summary.run.stats.requests).toMatchObject({ total: items.length, failed: 0 });
    expect(summary.run.stats.assertions.total).toBeGreaterThan(2 * items.length);
  });

  it('reaches the status that its first example shows, request by request', () => {
    const codes = summary.run.executions.map(({ item, response }) => [item.name, response.code]);
    expect(codes).toEqual(items.map(({ name, response }) => [name, response[0]?.code]));
  });

  it('shows errors as they really are, but for the request id', () => {
    for (const [i, { response: examples }] of items.entries()) {
      const [example] = examples;
      if (example === undefined || example.code < 400) continue;
      const real = summary.run.executions[i]?.response.json();
      expect({ ...JSON.parse(example.body), request_id: '' }).toEqual({ ...real, request_id: '' });
    }
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

  it('knows every route that the front page lists', async () => {
    const { routes } = (await (await fetch(app.url, { headers: { Accept: 'application/json' } })).json()) as {
      routes: Record<string, string>;
    };
    const known = new Set(
      items.map(({ request }) => `${request.method} ${request.url.raw.replace('{{baseUrl}}', '')}`),
    );
    expect(Object.keys(routes).filter(route => !known.has(route))).toEqual([]);
  });
});
