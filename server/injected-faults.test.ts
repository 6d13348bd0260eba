// Every call that a handler makes, made to fail in a way that nobody foresaw (faults H21): the request ends, in words that
// tell nothing of the inside, and the process goes on. Which calls there are is found by making all requests once.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApp } from './app.js';
import { type HttpServer, listen } from './http-server.js';
import { createFaultyParts, type FaultyParts, INJECTED } from './testing/faulty-parts.js';
import { parseLines, readStream } from './testing/read-stream.js';
import { recordingLogger } from './testing/recording-logger.js';
import { routesOf } from './testing/router-routes.js';
import { type StartedApp, startApp } from './testing/start-app.js';

const messages = [{ role: 'user', content: 'why' }];
const BODIES: Readonly<Record<string, unknown>> = {
  'post /generate': { prompt: 'why' },
  'post /stream': { prompt: 'why' },
  'post /v1/chat/completions': { messages, stream: true },
  'post /v1/completions': { prompt: 'why' },
  'post /v1/responses': { input: 'why', stream: true },
  'post /v1/messages': { model: 'fake', max_tokens: 3, messages },
  'post /v1/messages/count_tokens': { model: 'fake', messages },
  'post /api/generate': { model: 'fake', prompt: 'why' },
  'post /api/chat': { model: 'fake', messages, stream: false },
  'post /api/show': { model: 'fake' },
  'post /api/pull': { model: 'fake' },
  'post /api/v1/chat': { messages, stream: true },
  'post /api/v1/chat/submit': { prompt: 'why', client_id: 'x' },
  'post /v1/embeddings': { model: 'all-minilm-l6-v2', input: 'why' },
  'post /api/embed': { model: 'all-minilm-l6-v2', input: ['why'] },
  'post /api/embeddings': { model: 'all-minilm-l6-v2', prompt: 'why' },
  'post /api/v1/documents/add': { documents: [{ content: 'A river.' }] },
  'post /admin/keys': { name: 'x' },
};
/** What a request is not one without; who only watches may not fail, and is asked of by its own tests. */
const SPARED = ['logger', 'metrics', 'observers'] as const;
/** These stay open: it is enough that they begin. */
const OPEN_ENDED = /^get \/(?:api\/v1\/chat\/stream|v1\/queue\/events)/;

describe('a call that fails as nobody foresaw', () => {
  let app: StartedApp;
  let faulty: FaultyParts;
  let server: HttpServer;
  let routes: string[];
  const { logger, entries } = recordingLogger();

  beforeAll(async () => {
    app = await startApp({ plan: { tokens: 3 }, vault: true, env: { MINIVAULT_MODEL_ALIASES: '*' } });
    await app.ready();
    faulty = createFaultyParts({ ...app.parts, logger }, SPARED);
    const express = createApp(faulty.parts);
    routes = routesOf(express);
    server = await listen(express, '127.0.0.1', 0, app.parts.metrics.recorder);
  });
  afterAll(async () => {
    faulty.arm(null);
    server.destroy();
    await app.close();
  });

  /** Status and body; of a stream that stays open, what it says within a moment. */
  async function ask(route: string): Promise<{ status: number; id: unknown; text: string; whole: boolean }> {
    const [method = '', at = ''] = route.split(' ');
    const url = `${server.url}${at.replaceAll(/\{\w+\}/g, 'x')}`;
    const body = method === 'post' ? (BODIES[route] ?? {}) : undefined;
    if (!OPEN_ENDED.test(route)) {
      const { status, headers, text, whole } = await readStream(url, { method: method.toUpperCase(), body });
      return { status, id: headers['x-request-id'], text, whole };
    }
    const leaving = new AbortController();
    const response = await fetch(url, { signal: leaving.signal });
    const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
    const text = isStream ? '' : await response.text();
    leaving.abort();
    return { status: response.status, id: response.headers.get('x-request-id'), text, whole: true };
  }

  it('ends its own request in words, and nothing else', { timeout: 240_000 }, async () => {
    const calls = new Map<string, { failures: readonly string[]; routes: string[] }>();
    for (const route of routes) {
      await ask(route);
      for (const [call, failures] of faulty.takeCalls()) {
        const known = calls.get(call)?.routes ?? [];
        calls.set(call, { failures, routes: [...known, route] });
      }
    }
    expect(calls.size).toBeGreaterThan(30);
    let internal = 0;
    for (const [call, { failures, routes: callers }] of calls) {
      for (const failure of failures) {
        for (const route of callers) {
          faulty.arm(call, failure as Parameters<FaultyParts['arm']>[1]);
          const { status, id, text, whole } = await ask(route);
          faulty.arm(null);
          const name = `${route}, where ${call} ${failure}: ${status} ${text.slice(-300)}`;
          expect(text, name).not.toContain(INJECTED);
          expect(id, name).toMatch(/^[\w.-]+$/);
          if (status >= 500) {
            internal += 1;
            expect(() => JSON.parse(text), name).not.toThrow();
          }
          // A text without records can only be broken off.
          if (!whole) expect(text.startsWith('{'), name).toBe(false);
        }
      }
    }
    expect(internal).toBeGreaterThan(100);
    expect(entries.some(({ fields }) => String(fields.error).includes(INJECTED))).toBe(true);
    const { text } = await readStream(`${server.url}/generate`, { body: { prompt: 'still here' } });
    expect(parseLines(text).at(-1)).toMatchObject({ done: true, done_reason: 'stop' });
  });
});
