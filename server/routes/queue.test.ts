// The line over HTTP: who sees what of it, what is told when it changes, and leaving it by name.
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createKey } from '../access/key-changes.js';
import { queueSchema } from '../dialects/queue.js';
import { dataOf, readEvents } from '../testing/read-events.js';
import { answerOf, openStream, parseLines, readStream } from '../testing/read-stream.js';
import { type StartAppOptions, type StartedApp, startApp } from '../testing/start-app.js';

const ENDLESS = { max_tokens: 100_000 };

let app: StartedApp;
afterEach(async () => {
  await app.close();
});

async function start(options: StartAppOptions = {}): Promise<void> {
  app = await startApp({
    plan: { tokens: 100_000, gap_ms: 10, rules: [{ match: 'short', tokens: 3 }] },
    ...options,
  });
  await app.ready();
}

/** Secrets of two users and an admin. */
async function startWithKeys() {
  await start({ env: { API_KEY: 'root' } });
  const { keys } = app.parts.doorkeeper;
  expect(path.isAbsolute(keys.file)).toBe(true);
  const secrets: string[] = [];
  for (const name of ['ada', 'bob']) secrets.push((await createKey(keys.file, { name })).secret);
  await keys.reload();
  const [ada = '', bob = ''] = secrets;
  return { ada, bob, root: 'root' };
}

const asked = (key?: string) => (key === undefined ? {} : { headers: { Authorization: `Bearer ${key}` } });
const open = (prompt: string, key?: string, fields: object = ENDLESS) =>
  openStream(`${app.url}/generate`, { body: { prompt, ...fields }, ...asked(key) });
const see = async (key?: string) =>
  queueSchema.parse(
    JSON.parse((await readStream(`${app.url}/v1/queue`, { method: 'GET', ...asked(key) })).text),
  );
const leave = (id: unknown, key?: string) =>
  readStream(`${app.url}/v1/queue/${String(id)}`, { method: 'DELETE', ...asked(key) });
const idOf = ({ headers }: { headers: Record<string, unknown> }): string => String(headers['x-exchange-id']);

async function openRunning(prompt: string, key?: string) {
  const running = await open(prompt, key);
  await running.seen(text => text.includes(`"response":"${prompt}`));
  return running;
}

describe('GET /v1/queue', () => {
  it('is empty when nothing runs', async () => {
    await start();
    expect(await see()).toEqual({
      waiting: 0,
      running: 0,
      slots: 1,
      tokens_per_second: null,
      model: { id: 'fake', state: 'ready', loading: null },
      items: [],
    });
  });

  it('tells what runs and waits, in the order in which it will run', async () => {
    await start();
    const running = await openRunning('run');
    const [one, two] = [await open('one'), await open('two')];
    const { items, ...rest } = await see();
    expect(rest).toMatchObject({ waiting: 2, running: 1, slots: 1 });
    expect(items).toMatchObject([
      {
        id: idOf(running),
        position: 0,
        phase: 'decode',
        dialect: 'simple-ndjson',
        caller: null,
        estimated_wait_ms: 0,
      },
      { id: idOf(one), position: 1, phase: 'waiting', tokens: 0, estimated_wait_ms: null },
      { id: idOf(two), position: 2, phase: 'waiting', tokens: 0 },
    ]);
    await app.until(async () => {
      const [first] = (await see()).items;
      return first !== undefined && 'tokens' in first && first.tokens > 20;
    });
    expect((await see()).tokens_per_second).toBeGreaterThan(0);
    for (const stream of [one, two, running]) stream.leave();
    await app.until(async () => (await see()).items.length === 0);
  });

  it('tells a wait from what it has measured', async () => {
    await start();
    await readStream(`${app.url}/generate`, { body: { prompt: 'short' } });
    const running = await openRunning('run');
    const waiting = await open('two');
    const [, item] = (await see()).items;
    expect(item && 'id' in item && item.estimated_wait_ms).toEqual(expect.any(Number));
    expect(parseLines(waiting.text())[0]).toMatchObject({
      position: 1,
      estimated_wait_ms: expect.any(Number),
    });
    waiting.leave();
    running.leave();
  });

  it('shows a user its own exchanges and only places of others; an admin everything', async () => {
    const { ada, bob, root } = await startWithKeys();
    const running = await openRunning('run', ada);
    const own = await open('own', bob);
    const other = await open('other', ada);
    const seen = await see(bob);
    expect(seen).toMatchObject({ waiting: 2, running: 1 });
    expect(seen.items).toEqual([
      { position: 0, phase: 'decode' },
      expect.objectContaining({ id: idOf(own), caller: 'bob', position: 1 }),
      { position: 2, phase: 'waiting' },
    ]);
    expect((await see(root)).items).toMatchObject([
      { id: idOf(running), caller: 'ada' },
      { id: idOf(own), caller: 'bob' },
      { id: idOf(other), caller: 'ada' },
    ]);
    for (const stream of [other, own, running]) stream.leave();
  });

  it('takes turns between keys: one prompt of B is next, whatever A has waiting', async () => {
    const { ada, bob } = await startWithKeys();
    const running = await openRunning('run', ada);
    const flood = [];
    for (let i = 0; i < 20; i++) flood.push(await open(`flood${i}`, ada));
    const one = await open('short', bob, {});
    expect(Number(parseLines(one.text())[0]?.position)).toBeLessThanOrEqual(2);
    running.leave();
    await flood[0]?.seen(text => text.includes('"response":"flood0')).catch(() => {});
    flood[0]?.leave();
    expect(answerOf((await one.ended).text)).toBe('short short short');
    for (const stream of flood) stream.leave();
  });
});

describe('DELETE /v1/queue/{id}', () => {
  it('ends one that runs as cancelled, with what it said in the log', async () => {
    await start();
    const running = await openRunning('run');
    const { status, text } = await leave(idOf(running));
    expect([status, JSON.parse(text)]).toEqual([200, { id: idOf(running), status: 'cancelled' }]);
    const ended = await running.ended;
    expect(ended.whole).toBe(true);
    expect(parseLines(ended.text).at(-1)).toMatchObject({ done: true, done_reason: 'cancelled' });
    await app.until(async () => (await app.readLog()).length === 1);
    expect((await app.readLog())[0]).toMatchObject({ id: idOf(running), status: 'cancelled', prompt: 'run' });
    expect(String((await app.readLog())[0]?.response)).toContain('run');
  });

  it('ends one that waits as cancelled, without a trace in the log or at the worker', async () => {
    await start();
    const running = await openRunning('run');
    const streams = await Promise.all([
      open('waiting'),
      openStream(`${app.url}/v1/chat/completions`, {
        body: { messages: [{ role: 'user', content: 'x' }], stream: true },
      }),
      openStream(`${app.url}/api/chat`, { body: { messages: [{ role: 'user', content: 'x' }] } }),
      openStream(`${app.url}/v1/responses`, { body: { input: 'x', stream: true } }),
    ]);
    for (const stream of streams) expect((await leave(idOf(stream))).status).toBe(200);
    const [lines, chunks, records, events] = (await Promise.all(streams.map(({ ended }) => ended))).map(
      ({ text }) => text,
    );
    expect(parseLines(lines ?? '').at(-1)).toMatchObject({ done: true, done_reason: 'cancelled' });
    expect(dataOf(chunks ?? '').at(-1)).toBe('[DONE]');
    expect(parseLines(records ?? '').at(-1)).toMatchObject({ done: true, done_reason: 'cancelled' });
    expect(readEvents(events ?? '').events.at(-1)?.event).toBe('response.incomplete');
    expect((await see()).items).toMatchObject([{ id: idOf(running) }]);
    running.leave();
    await app.until(async () => (await app.readLog()).length === 1);
    expect((await app.readLog()).map(({ prompt }) => prompt)).toEqual(['run']);
  });

  it('knows neither what has ended nor what is another caller’s; an admin may end all', async () => {
    const { ada, bob, root } = await startWithKeys();
    const running = await openRunning('run', ada);
    const refused = await leave(idOf(running), bob);
    expect(refused.status).toBe(404);
    expect(JSON.parse(refused.text)).toMatchObject({ error: { code: 'exchange_not_found', param: 'id' } });
    expect((await leave(idOf(running), root)).status).toBe(200);
    await running.ended;
    expect((await leave(idOf(running), root)).status).toBe(404);
  });
});

describe('GET /v1/queue/events', () => {
  const watch = (key?: string) => openStream(`${app.url}/v1/queue/events`, { method: 'GET', ...asked(key) });
  const snapshots = (text: string) =>
    readEvents(text).events.map(({ data }) => queueSchema.parse(JSON.parse(data)));

  it('tells its head alone, and ends', async () => {
    await start();
    const { status, headers } = await fetch(`${app.url}/v1/queue/events`, { method: 'HEAD' });
    expect([status, headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8']);
  });

  it('tells the line at once and again when it has changed, four times a second at most', async () => {
    await start({ env: { MINIVAULT_HEARTBEAT_INTERVAL_MS: '200' } });
    const watching = await watch();
    await watching.seen(text => snapshots(text).length === 1);
    await watching.seen(text => readEvents(text).comments.length > 1);
    expect(snapshots(watching.text())).toHaveLength(1);
    const beganMs = performance.now();
    const running = await openRunning('run');
    await watching.seen(text => snapshots(text).length >= 5);
    // Four intervals lie between the first and the fifth.
    expect(performance.now() - beganMs).toBeGreaterThan(3 * 250);
    expect(snapshots(watching.text()).at(-1)?.items).toMatchObject([{ id: idOf(running), phase: 'decode' }]);
    running.leave();
    await watching.seen(text => snapshots(text).at(-1)?.items.length === 0);
    watching.leave();
  });

  it('is refused to one too many, of one key or of all, until another has left', async () => {
    await start({ env: { API_KEY: 'root', MINIVAULT_STREAMS_PER_KEY_MAX: '2' } });
    const [one, two] = [await watch('root'), await watch('root')];
    expect([one.status, two.status]).toEqual([200, 200]);
    const refused = await watch('root');
    expect([refused.status, refused.headers['retry-after']]).toEqual([429, '5']);
    one.leave();
    await app.until(async () => {
      const again = await watch('root');
      again.leave();
      return again.status === 200;
    });
    two.leave();
  });

  it('ends with the gateway, and is refused with a time to come back while that stops', async () => {
    await start();
    const watching = await watch();
    await watching.seen(text => text.includes('event: queue'));
    await app.parts.drain(0);
    const { text, whole } = await watching.ended;
    expect(whole).toBe(true);
    expect(readEvents(text).events.at(-1)).toMatchObject({
      event: 'error',
      data: expect.stringContaining('shutting_down'),
    });
    for (const route of ['/v1/queue/events', '/api/v1/chat/stream/me']) {
      const refused = await readStream(app.url + route, { method: 'GET' });
      expect([route, refused.status]).toEqual([route, 503]);
      expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    }
  });
});
