import express from 'express';
import { afterEach, describe, expect, it } from 'vitest';
import type { StreamEncoder } from '../dialects/dialect.js';
import { createPlainTextEncoder } from '../dialects/plain-text.js';
import { createSimpleNdjsonEncoder, simpleErrorBody } from '../dialects/simple-ndjson.js';
import type { GenerationEvent, GenerationEvents } from '../domain/generation.js';
import { AppError } from '../errors.js';
import { type HttpServer, listen } from '../http-server.js';
import { silentLogger } from '../log.js';
import { answerOf, openStream, parseLines, readStream } from '../testing/read-stream.js';
import { DONE } from '../testing/scripted-generate.js';
import { until } from '../testing/until.js';
import { errorHandler } from './error-handler.js';
import { requestScope, scopeOf } from './request-scope.js';
import { sendStream } from './send.js';

const started: GenerationEvent = { type: 'started', promptTokens: 1, cachedTokens: 0 };
const token = (text: string): GenerationEvent => ({ type: 'token', text, tokens: 1 });
const never = (signal: AbortSignal) =>
  new Promise<void>(resolve => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve());
  });

let server: HttpServer | undefined;
afterEach(() => {
  server?.destroy();
});

interface Served {
  readonly url: string;
  /** How many streams have ended on the server's side. */
  readonly endings: string[];
}

async function serve(
  source: (signal: AbortSignal) => GenerationEvents,
  encoder: () => StreamEncoder = () =>
    createSimpleNdjsonEncoder({ id: 'x', model: 'm', requestId: 'r', createdAt: new Date(0) }),
  timeouts = { heartbeatIntervalMs: 60_000, writeStallTimeoutMs: 60_000 },
): Promise<Served> {
  const endings: string[] = [];
  const app = express();
  app.use(requestScope(silentLogger()));
  app.all('/', async (_req, res) => {
    const scope = scopeOf(res);
    async function* watched() {
      try {
        yield* source(scope.signal);
      } finally {
        endings.push(scope.signal.aborted ? 'left' : 'stayed');
      }
    }
    await sendStream(res, scope, watched(), encoder(), timeouts);
  });
  app.use(errorHandler(() => simpleErrorBody));
  server = await listen(app, '127.0.0.1', 0);
  return { url: server.url, endings };
}

describe('sendStream', () => {
  it('sends status and headers at the first event, long before the first token', async () => {
    const { url } = await serve(async function* (signal) {
      yield [started];
      await never(signal);
    });
    const stream = await openStream(url);
    expect(stream.status).toBe(200);
    expect(stream.headers).toMatchObject({
      'content-type': 'application/x-ndjson; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    });
    expect(stream.text()).toBe('');
    stream.leave();
  });

  it('answers with an HTTP error when the stream fails before its first event', async () => {
    // biome-ignore lint/correctness/useYield: it fails before it could
    const { url } = await serve(async function* () {
      throw new AppError('queue_full', 'full', { retryAfterMs: 1_200 });
    });
    const { status, headers, text } = await readStream(url);
    expect([status, headers['retry-after'], headers['retry-after-ms'], headers['x-should-retry']]).toEqual([
      503,
      '2',
      '1200',
      'true',
    ]);
    expect(JSON.parse(text)).toMatchObject({ error: 'full', code: 'queue_full' });
  });

  it('gives who asks for the head alone what decides it, and reads no further', async () => {
    const { url, endings } = await serve(async function* (signal) {
      yield [started];
      await never(signal);
    });
    const { status, headers } = await fetch(url, { method: 'HEAD' });
    expect([status, headers.get('content-type')]).toEqual([200, 'application/x-ndjson; charset=utf-8']);
    await until(() => endings.length > 0);
    expect(endings).toEqual(['stayed']);
  });

  it('ends with the error as the last and only terminal line when the stream fails later', async () => {
    const { url } = await serve(async function* () {
      yield [started, token('a')];
      throw new AppError('worker_crashed', 'gone');
    });
    const { status, text, whole } = await readStream(url);
    expect([status, whole]).toEqual([200, true]);
    const lines = parseLines(text);
    expect(lines.filter(line => line.done === true)).toHaveLength(1);
    expect(lines.at(-1)).toMatchObject({ done: true, error: { code: 'worker_crashed' } });
  });

  it('does not let a stream that merely stops look complete', async () => {
    const { url } = await serve(async function* () {
      yield [started, token('a')];
    });
    expect(parseLines((await readStream(url)).text).at(-1)).toMatchObject({
      error: { code: 'incomplete_generation' },
    });
  });

  it('writes nothing after the terminal record, whatever the stream still does', async () => {
    const { url } = await serve(async function* () {
      yield [started, token('a'), DONE];
      throw new AppError('internal', 'too late');
    });
    const { text, whole } = await readStream(url);
    expect(whole).toBe(true);
    expect(parseLines(text).map(line => line.done ?? false)).toEqual([false, true]);
    expect(text).not.toContain('"error"');
  });

  it('lets the encoder say which event ends the stream', async () => {
    const untilNoted: StreamEncoder = {
      ...createSimpleNdjsonEncoder({ id: 'x', model: 'm', requestId: 'r', createdAt: new Date(0) }),
      isTerminal: event => event.type === 'started',
    };
    const { url } = await serve(
      async function* () {
        yield [token('a'), DONE];
        yield [token('b'), started];
      },
      () => untilNoted,
    );
    expect(answerOf((await readStream(url)).text)).toBe('ab');
  });

  it('hides the message of an unforeseen failure', async () => {
    const { url } = await serve(async function* () {
      yield [started];
      throw new TypeError('secret');
    });
    const { text } = await readStream(url);
    expect(text).toContain('"internal"');
    expect(text).not.toContain('secret');
  });

  it('breaks the connection of a plain text answer that fails, so that it cannot look whole', async () => {
    const { url } = await serve(async function* () {
      yield [started, token('half')];
      throw new AppError('worker_crashed', 'gone');
    }, createPlainTextEncoder);
    const { text, whole } = await readStream(url);
    expect([text, whole]).toEqual(['half', false]);
  });

  it('writes a heartbeat after silence, and none while tokens come', async () => {
    const { url } = await serve(
      async function* () {
        for (let i = 0; i < 20; i++) {
          yield [token('a')];
          await new Promise(resolve => setTimeout(resolve, 5));
        }
        await new Promise(resolve => setTimeout(resolve, 150));
        yield [DONE];
      },
      undefined,
      { heartbeatIntervalMs: 60, writeStallTimeoutMs: 60_000 },
    );
    const lines = parseLines((await readStream(url)).text);
    const beats = lines.flatMap((line, i) => (line.response === '' && line.done === undefined ? [i] : []));
    expect(beats.length).toBeGreaterThanOrEqual(1);
    expect(Math.min(...beats)).toBeGreaterThanOrEqual(20);
  });

  it('tells the source within a moment that the client has left', async () => {
    const served = await serve(async function* (signal) {
      yield [started, token('a')];
      await never(signal);
    });
    const stream = await openStream(served.url);
    await stream.seen(text => text.includes('"a"'));
    stream.leave();
    await until(() => served.endings.length === 1);
    expect(served.endings).toEqual(['left']);
  });

  it('waits for a reader that pauses and loses nothing', async () => {
    const piece = 'x'.repeat(64 * 1024);
    let produced = 0;
    const { url } = await serve(async function* () {
      for (; produced < 300; produced++) yield [token(`${produced}${piece}`)];
      yield [DONE];
    });
    const stream = await openStream(url);
    stream.pause();
    await new Promise(resolve => setTimeout(resolve, 200));
    expect(produced).toBeLessThan(300);
    stream.resume();
    const { text, whole } = await stream.ended;
    expect(whole).toBe(true);
    expect(answerOf(text)).toBe(Array.from({ length: 300 }, (_, i) => `${i}${piece}`).join(''));
  });

  it('breaks the stream of a reader that takes nothing for too long', async () => {
    const piece = 'x'.repeat(256 * 1024);
    const served = await serve(
      async function* () {
        for (let i = 0; i < 1_000; i++) yield [token(piece)];
        yield [DONE];
      },
      undefined,
      { heartbeatIntervalMs: 60_000, writeStallTimeoutMs: 100 },
    );
    const stream = await openStream(served.url);
    stream.pause();
    await until(() => served.endings.length === 1);
    stream.resume();
    expect((await stream.ended).whole).toBe(false);
  });
});
