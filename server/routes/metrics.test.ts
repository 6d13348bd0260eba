// GET /metrics of a whole gateway: what it says is what happened, to the last request and token.
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseMetrics, readMetrics } from '../testing/read-metrics.js';
import { type OpenStream, openStream, readStream } from '../testing/read-stream.js';
import { type StartedApp, startApp } from '../testing/start-app.js';

let app: StartedApp;
beforeEach(async () => {
  app = await startApp({
    plan: {
      slots: 2,
      tokens: 6,
      rules: [
        { match: 'LONG', tokens: 100_000, gap_ms: 2 },
        { match: 'POISON', at: 3, do: 'exit:139' },
        { match: 'RAISES', at: 2, do: 'raise' },
      ],
    },
  });
  await app.ready();
});
afterEach(() => app.close());

const ask = (prompt: string) => readStream(`${app.url}/generate`, { body: { prompt } });
const open = (prompt: string) => openStream(`${app.url}/generate`, { body: { prompt, max_tokens: 100_000 } });
const metrics = () => readMetrics(app.url);
const isIdle = () => app.parts.admission.isQuiet && app.parts.worker.status().running === 0;

/** Streams that have their first text. */
async function begin(count: number): Promise<OpenStream[]> {
  const streams = await Promise.all(Array.from({ length: count }, () => open('LONG')));
  await Promise.all(streams.map(stream => stream.seen(text => text.includes('"response":"LONG'))));
  return streams;
}

describe('exchanges', () => {
  it('are counted by how they ended, exactly', async () => {
    for (let i = 0; i < 5; i++) await ask('fine');
    const running = await begin(2);
    const waiting = await Promise.all([open('one'), open('two'), open('three')]);
    await app.until(() => app.parts.admission.waiting === 3);
    for (const stream of waiting) stream.leave();
    await app.until(() => app.parts.admission.waiting === 0);
    for (const stream of running) stream.leave();
    await app.until(isIdle);
    for (let i = 0; i < 3; i++) await ask('RAISES');

    const { sum } = await metrics();
    const counted = (status: string) =>
      sum('minivault_exchanges_total', { status, dialect: 'simple-ndjson', model: 'fake' });
    expect(['completed', 'cancelled', 'cancelled_queued', 'failed'].map(counted)).toEqual([5, 2, 3, 3]);
    expect(sum('minivault_exchanges_total')).toBe(13);
    expect(sum('minivault_errors_total')).toBe(3);
    expect(sum('minivault_errors_total', { code: 'worker_error' })).toBe(3);
    // The log has those that said something; a cancelled or failed one did.
    const log = await app.readLog();
    expect(log).toHaveLength(10);
    const tokensOf = (name: string) =>
      log.reduce((all, { usage }) => all + ((usage as Record<string, number> | null)?.[name] ?? 0), 0);
    expect(sum('minivault_completion_tokens_total')).toBe(tokensOf('completion_tokens'));
    expect(sum('minivault_prompt_tokens_total')).toBe(tokensOf('prompt_tokens'));
    expect(sum('minivault_cached_tokens_total')).toBe(tokensOf('cached_tokens'));
    expect(tokensOf('completion_tokens')).toBeGreaterThan(5 * 6);
  });

  it('are timed: the wait of each that had a slot, the first text of each that had one, every gap', async () => {
    for (let i = 0; i < 4; i++) await ask('fine');
    const { sum } = await metrics();
    const model = { model: 'fake' };
    expect(sum('minivault_queue_wait_seconds_count', model)).toBe(4);
    expect(sum('minivault_time_to_first_token_seconds_count', { ...model, dialect: 'simple-ndjson' })).toBe(
      4,
    );
    expect(sum('minivault_prefill_seconds_count', model)).toBe(4);
    expect(sum('minivault_decode_seconds_count', model)).toBe(4);
    expect(sum('minivault_inter_token_gap_seconds_count', model)).toBe(4 * 5);
    expect(sum('minivault_inter_token_gap_seconds_bucket', { le: '+Inf' })).toBe(4 * 5);
  });

  it('that never had a place in the line are errors alone', async () => {
    const tooLong = await readStream(`${app.url}/v1/chat/completions`, {
      body: { messages: [{ role: 'user', content: 'word '.repeat(9_000) }], model: 'fake' },
    });
    expect(tooLong.status).toBe(400);
    const { sum } = await metrics();
    expect(sum('minivault_exchanges_total')).toBe(0);
    expect(sum('minivault_errors_total', { code: 'context_length_exceeded' })).toBe(1);
  });
});

it('counts what becomes of submitted jobs, whose clients are told on another stream', async () => {
  const stream = await openStream(`${app.url}/api/v1/chat/stream/c1`, { method: 'GET' });
  await stream.seen(text => text.includes('connected'));
  const submit = (prompt: string) =>
    readStream(`${app.url}/api/v1/chat/submit`, { body: { prompt, client_id: 'c1' } });
  await submit('fine');
  await submit('RAISES');
  await app.until(
    async () => (await metrics()).sum('minivault_exchanges_total', { dialect: 'job-sse' }) === 2,
  );
  await stream.seen(text => text.includes('worker_error'));
  const { sum } = await metrics();
  expect(sum('minivault_exchanges_total', { dialect: 'job-sse', status: 'failed' })).toBe(1);
  expect(sum('minivault_errors_total', { code: 'worker_error' })).toBe(1);
  stream.leave();
});

describe('requests', () => {
  it('are counted by the route that took them, never by what the client wrote', async () => {
    await ask('fine');
    await readStream(`${app.url}/generate`, { body: {} });
    await readStream(`${app.url}/generate`, { method: 'GET' });
    await readStream(`${app.url}/v1/models/fake`, { method: 'GET' });
    for (const path of ['/x', '/y', '/wp-admin/setup.php', '/history%']) {
      await readStream(`${app.url}${path}`, { method: 'GET' });
    }
    await readStream(`${app.url}/generate`, { method: 'PROPFIND' });
    const [stream] = await begin(1);
    stream?.leave();
    await app.until(isIdle);

    const { sum, samples } = await metrics();
    const counted = (method: string, route: string, status: string) =>
      sum('minivault_http_requests_total', { method, route, status });
    expect(counted('POST', '/generate', '2xx')).toBe(1);
    expect(counted('POST', '/generate', '4xx')).toBe(1);
    expect(counted('POST', '/generate', 'cut')).toBe(1);
    expect(counted('GET', '/generate', '4xx')).toBe(1);
    expect(counted('GET', '/v1/models/{id}', '2xx')).toBe(1);
    expect(counted('GET', 'other', '4xx')).toBe(4);
    expect(counted('other', '/generate', '4xx')).toBe(1);
    const routes = new Set(samples.map(({ labels }) => labels.route).filter(route => route !== undefined));
    expect([...routes].sort()).toEqual(['/generate', '/v1/models/{id}', 'other']);
    expect(sum('minivault_http_request_duration_seconds_count')).toBe(sum('minivault_http_requests_total'));
  });
});

it('counts what is refused before there is a request', async () => {
  const { hostname, port } = new URL(app.url);
  const socket = connect(Number(port), hostname);
  socket.end('nonsense\r\n\r\n');
  await once(socket.resume(), 'close');
  expect((await metrics()).sum('minivault_errors_total', { code: 'invalid_request' })).toBe(1);
});

describe('the worker', () => {
  it('is told with its state, its memory and how often it was started again', async () => {
    await ask('POISON');
    await app.until(async () => (await metrics()).sum('minivault_worker_state', { state: 'ready' }) === 1);
    await app.until(async () => (await metrics()).sum('minivault_worker_resident_bytes') > 0);
    const { sum } = await metrics();
    expect(sum('minivault_worker_state')).toBe(1);
    expect(sum('minivault_worker_restarts_total')).toBe(1);
    expect(sum('minivault_exchanges_total', { status: 'failed' })).toBe(1);
    expect(sum('minivault_errors_total', { code: 'worker_crashed' })).toBe(1);
  });

  it('is told with its line: slots, who runs and who waits', async () => {
    const running = await begin(2);
    const waiting = await open('waits');
    await app.until(() => app.parts.admission.waiting === 1);
    const { sum } = await metrics();
    const line = { line: 'generation' };
    expect(sum('minivault_slots', line)).toBe(2);
    expect(sum('minivault_running_requests', line)).toBe(2);
    expect(sum('minivault_waiting_requests', line)).toBe(1);
    for (const stream of [waiting, ...running]) stream.leave();
    await app.until(isIdle);
    expect((await metrics()).sum('minivault_running_requests')).toBe(0);
  });
});

it('counts vectors and the tokens of their texts', async () => {
  const body = { model: 'all-minilm-l6-v2', input: ['one two', 'three'] };
  const { status, text } = await readStream(`${app.url}/v1/embeddings`, { body });
  expect(status).toBe(200);
  const { sum } = await metrics();
  expect(sum('minivault_embeddings_total', { status: 'completed' })).toBe(1);
  expect(sum('minivault_embed_duration_seconds_count')).toBe(1);
  expect(sum('minivault_embedded_tokens_total')).toBe(JSON.parse(text).usage.prompt_tokens);
});

describe('the formats', () => {
  it('is text of Prometheus for all, and OpenMetrics for who prefers it', async () => {
    await ask('fine');
    const told = async (accept: string) => {
      const response = await fetch(`${app.url}/metrics`, { headers: { Accept: accept } });
      return { type: response.headers.get('content-type'), text: await response.text() };
    };
    const prometheus = await told('*/*');
    expect(prometheus.type).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(prometheus.text).toContain('# TYPE minivault_exchanges_total counter\n');
    // What Prometheus 3 sends.
    const open = await told(
      'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
    );
    expect(open.type).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
    expect(open.text).toContain('# TYPE minivault_exchanges counter\n');
    expect(open.text).toMatch(/^minivault_exchanges_total\{/m);
    expect(open.text.endsWith('\n# EOF\n')).toBe(true);
    expect(open.text).not.toContain('\n\n');
    // The one leaves the other as it was.
    expect((await told('text/plain')).text).toContain('# TYPE minivault_exchanges_total counter\n');
    expect(parseMetrics(open.text).sum('minivault_exchanges_total')).toBe(1);
  });

  it('has the figures of one gateway alone, whoever else runs in the process', async () => {
    const other = await startApp();
    await ask('fine');
    expect((await readMetrics(other.url)).sum('minivault_exchanges_total')).toBe(0);
    expect((await metrics()).sum('minivault_exchanges_total')).toBe(1);
    await other.close();
  });
});
