// What another server may do wrong, and what becomes of it: in the stream, in the log, and on the other side's socket.
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { readRun } from '../testing/read-run.js';
import { recordingLogger } from '../testing/recording-logger.js';
import { neverAborted, sampleRequest } from '../testing/sample-request.js';
import { type Script, scriptedGateway } from '../testing/scripted-gateway.js';
import {
  CANARY,
  chunk,
  openStream,
  record,
  refuses,
  scriptedUpstream,
  streams,
  textStream,
  upstreamAt,
} from '../testing/scripted-upstream.js';
import { until } from '../testing/until.js';
import type { UpstreamOptions } from './upstream.js';

const never = neverAborted();

async function answerOf(script: Script, options: Partial<UpstreamOptions> = {}) {
  const { logger, entries } = recordingLogger();
  const { backend, server } = await scriptedUpstream(script, options, logger);
  const run = backend.generate(sampleRequest(), never);
  const { text, error } = await readRun(run);
  const outcome = await run.settled;
  const told = JSON.stringify([entries, backend.status(), error?.message, outcome]);
  expect(told).not.toContain(CANARY);
  expect(backend.status().running).toBe(0);
  return { text, error, outcome, asked: server.requests.length, status: backend.status() };
}

/** Plays one after the other, the last for ever. */
const inTurn = (...scripts: Script[]): Script => {
  let turn = 0;
  return (response, request) => {
    const script = scripts[Math.min(turn, scripts.length - 1)];
    turn += 1;
    return script?.(response, request);
  };
};
const breaks: Script = response => void response.destroy();

describe('before the first word', () => {
  it.each<[string, Script]>([
    ['503', refuses(503)],
    ['429', refuses(429, {}, { 'Retry-After': '0' })],
    ['500', refuses(500)],
    ['a broken connection', breaks],
    ['an end without an answer', streams(chunk({ role: 'assistant', content: '' }))],
  ])('%s is tried twice more, and nobody notices', async (_, fault) => {
    const whole = streams(textStream('all', ' well'));
    expect(await answerOf(inTurn(fault, fault, whole))).toMatchObject({
      text: 'all well',
      error: null,
      asked: 3,
      outcome: { status: 'completed' },
    });
  });

  it('three failures are one, which may be tried again later', async () => {
    const { error, asked, outcome, status } = await answerOf(refuses(503, { message: 'full' }));
    expect(error).toMatchObject({ code: 'upstream_unavailable', retryAfterMs: 5_000 });
    expect(error?.message).toMatch(/answered HTTP 503: full/);
    expect(asked).toBe(3);
    expect(outcome).toMatchObject({ status: 'failed', text: '' });
    expect(status.upstream).toMatchObject({ isDown: true, lastFailure: { code: 'upstream_unavailable' } });
  });

  it.each([
    ['says so', { 'X-Should-Retry': 'false' }, {}],
    ['wants more time than there is', { 'Retry-After': '3600' }, {}],
    ['has no money left', {}, { code: 'insufficient_quota' }],
  ])('a server that %s is not asked again', async (_, headers, error) => {
    const answer = await answerOf(refuses(429, error, headers as Record<string, string>));
    expect(answer).toMatchObject({ asked: 1, error: { code: 'upstream_unavailable' } });
    if ('Retry-After' in headers) expect(answer.error?.retryAfterMs).toBe(3_600_000);
    expect(answer.status.upstream?.isDown).toBe(false);
  });

  it.each([401, 403])('a refused key (%i) names the setting, and never the key', async status => {
    const { error, asked, status: after } = await answerOf(refuses(status, { message: `bad key ${CANARY}` }));
    expect(error).toMatchObject({ code: 'upstream_error', status: 502 });
    expect(error?.message).toContain('OPENAI_API_KEY');
    expect(asked).toBe(1);
    expect(after.upstream?.isDown).toBe(true);
  });

  it.each([
    ['context_length_exceeded', 400, { code: 'context_length_exceeded' }],
    ['unsupported_parameter', 400, { code: 'unsupported_value', param: 'temperature' }],
    ['invalid_request', 422, { param: 'seed', message: `no ${CANARY}` }],
    ['upstream_error', 404, { code: 'model_not_found' }],
  ])('%s is the request’s own fault', async (code, status, error) => {
    const answer = await answerOf(refuses(status, error));
    expect(answer).toMatchObject({ asked: 1, error: { code }, status: { upstream: { isDown: false } } });
    if ('param' in error) expect(answer.error?.param).toBe(error.param);
    if (status === 404) expect(answer.error?.message).toContain('OPENAI_MODEL is "gpt-test"');
  });

  it('a redirect is not followed: neither prompt nor key reach another address', async () => {
    const other = await scriptedGateway(streams(textStream('stolen')));
    const { error, text } = await answerOf(response => {
      response.writeHead(307, { Location: `${other.url}/v1/chat/completions` }).end();
    });
    expect(other.requests).toEqual([]);
    expect(text).toBe('');
    expect(error?.message).toMatch(/sends elsewhere \(HTTP 307\).*OPENAI_BASE_URL/);
  });

  it.each<[string, Script]>([
    ['a page', response => void response.writeHead(200, { 'Content-Type': 'text/html' }).end('<html>')],
    ['nothing at all', response => void response.writeHead(200).end()],
  ])('%s instead of a stream asks for the right address', async (_, script) => {
    const { error, asked } = await answerOf(script);
    expect(error).toMatchObject({ code: 'upstream_error' });
    expect(error?.message).toMatch(/OPENAI_BASE_URL right/);
    expect(asked).toBe(1);
  });

  it('an error with status 200 is told in its own words', async () => {
    const { error } = await answerOf(response => {
      const body = JSON.stringify({ error: { message: `out of order, ${CANARY}` } });
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(body);
    });
    expect(error?.message).toContain('out of order');
  });

  it('nobody there is told with the remedy', async () => {
    const backend = upstreamAt('http://127.0.0.1:9/v1');
    const { error } = await readRun(backend.generate(sampleRequest(), never));
    expect(error).toMatchObject({ code: 'upstream_unavailable', status: 503 });
    expect(error?.message).toMatch(/127\.0\.0\.1:9\/v1 .*does it run/);
  });

  it('plain HTTP where TLS is wanted is said to be that', async () => {
    const { url } = await scriptedGateway(streams(''));
    const backend = upstreamAt(`${url.replace('http:', 'https:')}/v1`);
    const { error } = await readRun(backend.generate(sampleRequest(), never));
    expect(error?.code).toMatch(/^upstream_/);
    expect(error?.message).toMatch(/SSL|certificate/i);
  });
});

describe('after the first word', () => {
  const half = chunk({ content: 'half' });
  const kept = (code: string) => ({
    text: 'half',
    asked: 1,
    error: { code },
    outcome: { status: 'failed', text: 'half', error: { code } },
  });

  it('a broken connection is an incomplete answer, kept and never tried again', async () => {
    const answer = await answerOf(async response => {
      openStream(response).write(half);
      await sleep(30);
      response.destroy();
    });
    expect(answer).toMatchObject(kept('incomplete_generation'));
  });

  it('an end without its end is one, too', async () => {
    expect(await answerOf(streams(half))).toMatchObject(kept('incomplete_generation'));
  });

  it('an error in the stream is passed on', async () => {
    const answer = await answerOf(
      streams(half + record({ error: { message: `gone ${CANARY}`, code: 'x' } })),
    );
    expect(answer).toMatchObject(kept('upstream_error'));
    expect(answer.error?.message).toContain('gone ***');
  });

  it.each([
    ['what is no JSON', 'data: {"choices"\n\n'],
    ['a record without end', `data: ${'x'.repeat(2 * 1024 * 1024)}`],
    ['an answer that was taken back', chunk({}, 'content_filter')],
  ])('%s ends it', async (_, bytes) => {
    const answer = await answerOf(async response => {
      openStream(response).write(half);
      await sleep(30);
      response.end(bytes);
    });
    expect(answer).toMatchObject(kept('upstream_error'));
  });

  it('records that lack what they should have do no harm', async () => {
    const odd = [{}, { choices: [] }, { choices: [{}] }, { choices: [{ delta: null }] }, { choices: null }];
    const answer = await answerOf(streams(odd.map(record).join('') + textStream('fine')));
    expect(answer).toMatchObject({ text: 'fine', error: null });
  });
});

it('asks by itself whether a server is there, before the first prompt comes', async () => {
  const { logger, entries } = recordingLogger();
  const { backend, server } = await scriptedUpstream(refuses(401), {}, logger);
  let changes = 0;
  backend.onChange(() => {
    changes += 1;
  });
  backend.start();
  await until(() => backend.status().upstream?.isDown === true);
  expect(server.requests).toEqual([{ method: 'GET', url: '/v1/models', body: null }]);
  expect(changes).toBe(2);
  expect(entries).toMatchObject([{ level: 'warn', message: expect.stringContaining('OPENAI_API_KEY') }]);
  await backend.stop();
});
