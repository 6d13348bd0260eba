// Traces of a whole gateway, as a collector gets them over HTTP.
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import type { FakePlan } from './testing/fake-plan.js';
import { type OtlpReceiver, otlpReceiver, type ReceivedSpan } from './testing/otlp-receiver.js';
import { openStream, readStream } from './testing/read-stream.js';
import { recordingLogger } from './testing/recording-logger.js';
import { type StartAppOptions, type StartedApp, startApp } from './testing/start-app.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';
const TRACEPARENT = `00-${TRACE}-${PARENT}-01`;
const SERVER_KIND = 2;
const CLIENT_KIND = 3;
const ERROR_STATUS = 2;
const PLAN: FakePlan = {
  tokens: 6,
  gap_ms: 5,
  rules: [
    { match: 'RAISES', at: 2, do: 'raise' },
    { match: 'LONG', tokens: 100_000, gap_ms: 2 },
  ],
};

let app: StartedApp;
afterEach(() => app.close());

async function start(
  receiver: Pick<OtlpReceiver, 'url'>,
  env: Record<string, string> = {},
  options: StartAppOptions = {},
): Promise<void> {
  app = await startApp({
    plan: PLAN,
    ...options,
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, ...env },
  });
  await app.ready();
}

const ask = (prompt: string, headers: Record<string, string> = {}) =>
  readStream(`${app.url}/generate`, { body: { prompt }, headers });
const startOf = ({ startTimeUnixNano }: ReceivedSpan) => Number(BigInt(startTimeUnixNano) / 1000n);
const endOf = ({ endTimeUnixNano }: ReceivedSpan) => Number(BigInt(endTimeUnixNano) / 1000n);

describe('a request', () => {
  it('is a span with its queue and its worker, prefill and decode within, in the trace of its client', async () => {
    const receiver = await otlpReceiver();
    await start(receiver, {
      OTEL_SERVICE_NAME: 'vault-7',
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20canary',
    });
    await ask('hello', { traceparent: TRACEPARENT, 'x-request-id': 'r-1' });
    const request = await receiver.span('POST /generate');
    expect(receiver.requests[0]).toMatchObject({
      path: '/v1/traces',
      headers: { authorization: 'Bearer canary', 'content-type': 'application/json' },
    });
    expect(request).toMatchObject({
      traceId: TRACE,
      parentSpanId: PARENT,
      kind: SERVER_KIND,
      resource: { 'service.name': 'vault-7', 'service.version': app.parts.version },
      attributes: {
        'http.request.method': 'POST',
        'http.route': '/generate',
        'http.response.status_code': 200,
        'minivault.request_id': 'r-1',
      },
    });
    const [queue, run, prefill, decode] = await Promise.all(
      ['queue', 'chat fake', 'prefill', 'decode'].map(name => receiver.span(name)),
    );
    if (!queue || !run || !prefill || !decode) throw new Error('a span is missing');
    const [{ id, usage, parameters }] = (await app.readLog()) as [
      { id: string; usage: Record<string, number>; parameters: { seed: number } },
    ];
    expect(queue).toMatchObject({ traceId: TRACE, parentSpanId: request.spanId });
    expect(run).toMatchObject({
      traceId: TRACE,
      parentSpanId: request.spanId,
      kind: CLIENT_KIND,
      attributes: {
        'gen_ai.operation.name': 'chat',
        'gen_ai.provider.name': 'minivault',
        'gen_ai.request.model': 'fake',
        'gen_ai.request.seed': parameters.seed,
        'gen_ai.response.id': id,
        'gen_ai.response.finish_reasons': ['stop'],
        'gen_ai.usage.input_tokens': usage.prompt_tokens,
        'gen_ai.usage.output_tokens': 6,
      },
    });
    expect([prefill.parentSpanId, decode.parentSpanId]).toEqual([run.spanId, run.spanId]);
    expect(decode.attributes['gen_ai.usage.output_tokens']).toBe(6);
    // One after the other, each within what it is a part of.
    expect(endOf(queue)).toBeLessThanOrEqual(startOf(run) + 1_000);
    expect(startOf(prefill)).toBeGreaterThanOrEqual(startOf(run) - 1_000);
    expect(endOf(prefill)).toBe(startOf(decode));
    expect(endOf(decode) - startOf(decode)).toBeGreaterThan(15_000);
    expect(endOf(run)).toBeLessThanOrEqual(endOf(request) + 1_000);
    // What is said is nobody's business, nor what stands in a path that is none of ours.
    await readStream(`${app.url}/mv_canary?key=canary`, { method: 'GET' });
    await receiver.span('GET');
    expect(JSON.stringify(receiver.spans)).not.toMatch(/hello|canary/);
  });

  it('begins a trace where its client has none that is well formed; health checks are not traced', async () => {
    const receiver = await otlpReceiver();
    await start(receiver);
    for (const path of ['/livez', '/readyz', '/health', '/metrics']) await fetch(`${app.url}${path}`);
    await ask('hello', { traceparent: `00-${'0'.repeat(32)}-${PARENT}-01` });
    const request = await receiver.span('POST /generate');
    expect(request.traceId).toMatch(/^[\da-f]{32}$/);
    expect(request.traceId).not.toBe('0'.repeat(32));
    expect(request.parentSpanId).toBeUndefined();
    await receiver.span('decode');
    expect(new Set(receiver.spans.map(({ traceId }) => traceId))).toEqual(new Set([request.traceId]));
  });

  it('that fails says by which code, and so does the run; the worker names the trace on its stderr', async () => {
    const receiver = await otlpReceiver();
    const { logger, entries } = recordingLogger();
    await start(receiver, {}, { logger });
    await ask('RAISES', { traceparent: TRACEPARENT });
    const failed = { attributes: { 'error.type': 'worker_error' }, status: { code: ERROR_STATUS } };
    expect(await receiver.span('POST /generate')).toMatchObject(failed);
    expect(await receiver.span('chat fake')).toMatchObject(failed);
    await app.until(() => entries.some(({ fields }) => fields.trace_id === TRACE));
    expect(entries.find(({ fields }) => fields.trace_id === TRACE)?.message).toContain('"request_failed"');
  });

  it('that the client itself got wrong is no fault of ours', async () => {
    const receiver = await otlpReceiver();
    await start(receiver);
    await readStream(`${app.url}/generate`, { body: {} });
    const request = await receiver.span('POST /generate');
    expect(request.attributes).toMatchObject({
      'error.type': 'invalid_request',
      'http.response.status_code': 400,
    });
    expect(request.status.code).not.toBe(ERROR_STATUS);
  });

  it('whose client leaves is told as cut, its run as cancelled', async () => {
    const receiver = await otlpReceiver();
    await start(receiver);
    const stream = await openStream(`${app.url}/generate`, { body: { prompt: 'LONG', max_tokens: 100_000 } });
    await stream.seen(text => text.includes('LONG'));
    stream.leave();
    expect((await receiver.span('POST /generate')).attributes).toMatchObject({ 'minivault.cut': true });
    expect((await receiver.span('chat fake')).attributes).toMatchObject({
      'error.type': 'cancelled',
      'gen_ai.response.finish_reasons': ['cancelled'],
    });
  });

  it('for vectors has a span of its own', async () => {
    const receiver = await otlpReceiver();
    await start(receiver);
    const body = { model: 'all-minilm-l6-v2', input: 'one two' };
    await readStream(`${app.url}/v1/embeddings`, { body });
    const request = await receiver.span('POST /v1/embeddings');
    expect(await receiver.span('embeddings all-minilm-l6-v2')).toMatchObject({
      parentSpanId: request.spanId,
      attributes: { 'gen_ai.operation.name': 'embeddings' },
    });
  });

  it('is kept as its client wants it, or as the part of all that is to be kept', async () => {
    const receiver = await otlpReceiver();
    await start(receiver, { OTEL_TRACES_SAMPLER_ARG: '0' });
    await ask('not kept');
    await ask('not kept', { traceparent: `00-${TRACE}-${PARENT}-00` });
    await ask('kept', { traceparent: TRACEPARENT });
    await receiver.span('POST /generate');
    await app.parts.close();
    expect(receiver.spans.filter(({ name }) => name === 'POST /generate')).toHaveLength(1);
  });
});

describe('a trace', () => {
  it.each([true, false])(
    'goes on at the server that answers for this one, traced here: %s',
    async isTraced => {
      const asked: IncomingHttpHeaders[] = [];
      const upstream = createServer((request, response) => {
        if (request.method === 'POST') asked.push(request.headers);
        response.writeHead(200, { 'Content-Type': 'text/event-stream' });
        response.end(
          'data: {"choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n',
        );
      });
      await new Promise<void>(resolve => upstream.listen(0, '127.0.0.1', resolve));
      onTestFinished(() => void upstream.close());
      const receiver = await otlpReceiver();
      const env = {
        MINIVAULT_BACKEND: 'openai',
        OPENAI_API_KEY: 'k',
        OPENAI_MODEL: 'm',
        OPENAI_BASE_URL: `http://127.0.0.1:${(upstream.address() as AddressInfo).port}/v1`,
        ...(isTraced ? { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url } : {}),
      };
      app = await startApp({ env });
      await app.ready();
      await ask('hello', { traceparent: TRACEPARENT, tracestate: 'vendor=1' });
      const spanId = isTraced ? (await receiver.span('chat m')).spanId : PARENT;
      expect(asked).toHaveLength(1);
      expect(asked[0]).toMatchObject({ traceparent: `00-${TRACE}-${spanId}-01`, tracestate: 'vendor=1' });
    },
  );
});

describe('a collector', () => {
  it('gets what is left when the gateway stops, however soon that is', async () => {
    const receiver = await otlpReceiver();
    await start(receiver);
    await ask('hello');
    await app.parts.drain(1_000);
    await app.parts.close();
    expect(receiver.spans.map(({ name }) => name).sort()).toEqual(
      ['POST /generate', 'chat fake', 'decode', 'prefill', 'queue'].sort(),
    );
  });

  it.each([
    ['refuses', 400],
    ['is silent', null],
  ] as const)('that %s costs a second at the end and no answer', async (_what, status) => {
    const receiver = await otlpReceiver(status);
    await start(receiver);
    for (let i = 0; i < 3; i++) expect((await ask('hello')).whole).toBe(true);
    const beforeMs = performance.now();
    await app.parts.close();
    expect(performance.now() - beforeMs).toBeLessThan(5_000);
  });

  it('that is not there is said once, however many spans are lost', async () => {
    const { logger, entries } = recordingLogger();
    const closed = createServer();
    await new Promise<void>(resolve => closed.listen(0, '127.0.0.1', resolve));
    const { port } = closed.address() as AddressInfo;
    await new Promise(resolve => closed.close(resolve));
    await start({ url: `http://127.0.0.1:${port}` }, {}, { logger });
    const warnings = () => entries.filter(({ message }) => message.startsWith('Spans were not taken'));
    for (let i = 0; i < 20; i++) expect((await ask('hello')).status).toBe(200);
    await app.until(() => warnings().length > 0);
    for (let i = 0; i < 20; i++) await ask('hello');
    await app.parts.close();
    expect(warnings()).toHaveLength(1);
    expect(warnings()[0]).toMatchObject({ level: 'warn', fields: { lost: expect.any(Number) } });
  });
});
