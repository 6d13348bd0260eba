import { afterEach, describe, expect, it } from 'vitest';
import { submitAnswerSchema } from '../dialects/job-body.js';
import { JOB_EVENT_SCHEMAS } from '../dialects/job-sse.js';
import { jobTextOf, openJobStream, submitJob } from '../testing/job-stream.js';
import { readEvents } from '../testing/read-events.js';
import { readStream } from '../testing/read-stream.js';
import { type StartAppOptions, type StartedApp, startApp } from '../testing/start-app.js';

let app: StartedApp;
afterEach(async () => {
  await app.close();
  expect(app.parts.admission.running + app.parts.admission.waiting).toBe(0);
});

async function start(options: StartAppOptions = {}): Promise<void> {
  app = await startApp(options);
}

const open = (clientId = 'me', options: Parameters<typeof openJobStream>[2] = {}) =>
  openJobStream(app.url, clientId, options);
const submit = (prompt: string, fields: Record<string, unknown> = {}, clientId = 'me') =>
  submitJob(app.url, clientId, prompt, fields);
const get = (path: string) => readStream(`${app.url}${path}`, { method: 'GET' });

describe('GET /api/v1/chat/stream/{client_id}', () => {
  it('opens at once and tells every event of a job with its id', async () => {
    await start({ plan: { tokens: 3 } });
    const stream = await open();
    expect(stream.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    });
    await stream.seen(text => text === ': connected\n\n');
    const { status, body } = await submit('alpha beta');
    expect(status).toBe(202);
    const { job_id: jobId } = submitAnswerSchema.parse(body);
    await stream.heard('done');
    const events = stream.events();
    expect(jobTextOf(events)).toBe('alpha beta alpha');
    expect(events.map(({ id }) => id)).toEqual(events.map((_, i) => `${jobId}:${i + 1}`));
    expect(readEvents(stream.text()).retries).toEqual([2000]);
    const schemas: Record<string, { parse(value: unknown): unknown }> = JOB_EVENT_SCHEMAS;
    for (const { event, data } of events) schemas[event]?.parse(JSON.parse(data));
    expect(await app.readLog()).toMatchObject([{ id: jobId, dialect: 'job-sse', prompt: 'alpha beta' }]);
    stream.leave();
  });

  it('grounds the answer in the context of the job', async () => {
    await start({ plan: { tokens: 1 } });
    const stream = await open();
    await submit('Why?', { context: 'Because.' });
    await stream.heard('done');
    const [line] = await app.readLog();
    expect(line).toMatchObject({
      prompt: 'Why?',
      input: {
        messages: [{ role: 'system', content: expect.stringContaining('Because.') }, { role: 'user' }],
      },
    });
    stream.leave();
  });

  it('serves clients in the order of their jobs, and tells each its place', async () => {
    await start({ plan: { tokens: 4, slots: 1, rules: [{ match: 'job0', tokens: 20, gap_ms: 50 }] } });
    await app.ready();
    const [a, b] = [await open('a'), await open('b')];
    const positions: unknown[] = [];
    for (const client of ['a', 'b', 'a', 'b']) {
      positions.push((await submit(`job${positions.length}`, {}, client)).body.position);
    }
    expect(positions).toEqual([0, 1, 2, 3]);
    await Promise.all([a.heard('done', 2), b.heard('done', 2)]);
    expect((await app.readLog()).map(({ prompt }) => prompt)).toEqual(['job0', 'job1', 'job2', 'job3']);
    expect(jobTextOf(a.events())).toMatch(/^job0.*job2/);
    expect(JSON.parse(b.events()[0]?.data ?? '')).toMatchObject({ position: 1 });
    a.leave();
    b.leave();
  });

  it('says that the model loads to who submits meanwhile', async () => {
    await start({ plan: { tokens: 1, load_ms: 500 } });
    const stream = await open();
    await app.until(() => app.parts.worker.status().loading !== null);
    await submit('early');
    await stream.heard('loading');
    await stream.heard('done');
    stream.leave();
  });

  it('keeps an idle stream open with comments', async () => {
    await start({ env: { MINIVAULT_HEARTBEAT_INTERVAL_MS: '50' } });
    const stream = await open();
    await stream.seen(text => text.includes(': ping\n\n: ping\n\n'));
    stream.leave();
  });

  it('tells the older of two connections that it is replaced, and ends it', async () => {
    await start({ plan: { tokens: 2 } });
    const older = await open();
    const newer = await open();
    const { text, whole } = await older.ended;
    expect([readEvents(text).events.at(-1)?.event, whole]).toEqual(['replaced', true]);
    await submit('hello');
    await newer.heard('done');
    expect(jobTextOf(newer.events())).toBe('hello hello');
    newer.leave();
  });

  it('tells a job that fails, and goes on with the next', async () => {
    await start({ plan: { tokens: 9, rules: [{ match: 'POISON', at: 3, do: 'exit:139' }] } });
    const stream = await open();
    await submit('POISON');
    await stream.heard('error');
    expect(JSON.parse(stream.events().at(-1)?.data ?? '')).toMatchObject({
      error: { code: 'worker_crashed' },
    });
    await submit('good', { max_tokens: 2 });
    await stream.heard('done');
    expect(stream.text()).toContain('"text":"good"');
    stream.leave();
  });

  it('ends with an error of no job when the gateway stops, and is then refused for a while', async () => {
    await start();
    const stream = await open();
    const drained = app.parts.drain(1_000);
    const { text, whole } = await stream.ended;
    await drained;
    expect(whole).toBe(true);
    expect(JSON.parse(readEvents(text).events.at(-1)?.data ?? '')).toMatchObject({
      job_id: null,
      error: { code: 'shutting_down' },
    });
    const { status, headers } = await get('/api/v1/chat/stream/me');
    expect([status, headers['retry-after']]).toEqual([503, '5']);
  });

  it.each([
    ['/api/v1/chat/stream/a%20b', 400, 'client_id'],
    [`/api/v1/chat/stream/${'x'.repeat(65)}`, 400, 'client_id'],
    ['/api/v1/chat/stream/me?from=garbage', 400, 'from'],
    ['/api/v1/chat/stream/me?last_event_id=garbage', 400, 'last_event_id'],
    ['/api/v1/chat/stream/me?since=1', 400, 'since'],
  ])('refuses GET %s', async (path, status, param) => {
    await start();
    const answer = await get(path);
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.text)).toMatchObject({ code: 'invalid_request', param });
  });

  it('knows nothing of a job that never was, by name', async () => {
    await start();
    const { status, text } = await get('/api/v1/chat/stream/me?from=never:1');
    expect([status, JSON.parse(text).code]).toEqual([404, 'job_not_found']);
  });

  it('is refused with 429 when too many clients are there', async () => {
    await start({ env: { MINIVAULT_STREAMS_MAX: '1' } });
    const first = await open('a');
    const { status, headers, text } = await get('/api/v1/chat/stream/b');
    expect([status, headers['retry-after']]).toEqual([429, '5']);
    expect(JSON.parse(text)).toMatchObject({ code: 'too_many_streams' });
    first.leave();
  });

  it('is not opened by HEAD', async () => {
    await start();
    const { status, headers } = await readStream(`${app.url}/api/v1/chat/stream/me`, { method: 'HEAD' });
    expect([status, headers['content-type']]).toEqual([200, 'text/event-stream; charset=utf-8']);
    expect((await submit('x')).status).toBe(404);
  });
});

describe('POST /api/v1/chat/submit', () => {
  it('is 404 for a client that is not connected', async () => {
    await start();
    expect(await submit('x')).toMatchObject({
      status: 404,
      body: { code: 'client_not_connected', param: 'client_id', error: expect.stringContaining('"me"') },
    });
  });

  it('refuses by name what it does not know, and what is too long for the model', async () => {
    await start({ plan: { context_length: 50 } });
    await app.ready();
    const stream = await open();
    expect(await submit('x', { model: 'gpt' })).toMatchObject({ status: 400, body: { param: 'model' } });
    expect(await submit('x', { context: 'word '.repeat(100) })).toMatchObject({
      status: 400,
      body: { code: 'context_length_exceeded' },
    });
    expect(await submit('x', { max_tokens: 1 })).toMatchObject({ status: 202 });
    await stream.heard('done');
    stream.leave();
  });

  it('is refused at once when the line is full', async () => {
    await start({ plan: { tokens: 100_000, gap_ms: 5 }, env: { MINIVAULT_QUEUE_MAX_WAITING: '1' } });
    await app.ready();
    const stream = await open();
    const statuses: number[] = [];
    for (let i = 0; i < 3; i++) statuses.push((await submit(`job${i}`, { max_tokens: 100_000 })).status);
    expect(statuses).toEqual([202, 202, 503]);
    stream.leave();
  });
});
