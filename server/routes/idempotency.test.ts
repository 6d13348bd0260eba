// Idempotency-Key on every route that generates: sent twice, it runs once.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OPERATIONS } from '../reference/reference.js';
import { openJobStream } from '../testing/job-stream.js';
import { type OpenStream, openStream, type ReadStream, readStream } from '../testing/read-stream.js';
import { type StartedApp, startApp } from '../testing/start-app.js';

let app: StartedApp;
let keys = 0;

beforeAll(async () => {
  app = await startApp({
    vault: true,
    plan: {
      tokens: 6,
      gap_ms: 20,
      slots: 4,
      tool_format: 'hermes',
      rules: [{ match: 'LONG', tokens: 1_000 }],
    },
    env: { MINIVAULT_RESUME_GRACE_MS: '1500' },
  });
  await app.ready();
});
afterAll(async () => {
  const { admission, worker, board } = app.parts;
  await app.until(() => admission.running + admission.waiting + worker.status().running === 0);
  expect(board.snapshot({ name: null, role: 'admin' }).items).toEqual([]);
  await app.close();
});

const messages = [{ role: 'user', content: 'alpha beta' }];
const tools = [
  { type: 'function', function: { name: 'look', parameters: { type: 'object', properties: {} } } },
];
/** Path, body, and how many exchanges it comes to. */
const CASES: [path: string, body: object, exchanges?: number][] = [
  ['/generate', { prompt: 'alpha beta' }],
  ['/stream?stream_format=text', { prompt: 'alpha beta' }],
  ['/stream?stream_format=openai', { prompt: 'alpha beta' }],
  ['/v1/chat/completions', { messages, stream: true }],
  ['/v1/chat/completions', { messages, n: 3 }, 3],
  ['/v1/chat/completions', { messages, tools, stream: true }],
  ['/v1/completions', { prompt: ['alpha', 'beta'], n: 2, stream: true }, 4],
  ['/v1/completions', { prompt: 'alpha beta', echo: true }],
  ['/v1/responses', { input: 'alpha beta' }],
  ['/v1/responses', { input: 'alpha beta', stream: true }],
  ['/v1/responses', { input: 'alpha beta', background: true, stream: true }],
  ['/v1/messages', { messages, max_tokens: 50 }],
  ['/v1/messages', { messages, max_tokens: 50, stream: true }],
  ['/api/generate', { prompt: 'alpha beta' }],
  ['/api/chat', { messages, stream: false }],
  ['/api/chat', { messages }],
  ['/api/v1/chat', { messages, stream: true }],
  ['/api/v1/chat', { messages, stream: false }],
  ['/api/v1/chat/submit', { prompt: 'alpha beta', client_id: 'sender' }],
  ['/history/{id}/replay', {}],
];

const newKey = (): string => `key-${++keys}`;
const withKey = (body: object, key: string) => ({ body, headers: { 'Idempotency-Key': key } });
/** Ollama's records carry the moment they were written. */
const withoutClock = (text: string): string => text.replaceAll(/"created_at":"[^"]*"/g, '"created_at":""');
const replayed = ({ headers }: Pick<ReadStream, 'headers'>): unknown => headers['idempotency-replayed'];

async function pathOf(path: string): Promise<string> {
  if (!path.includes('{id}')) return path;
  const { headers } = await readStream(`${app.url}/generate`, { body: { prompt: 'alpha beta', seed: 1 } });
  await app.until(() => app.parts.vault.caughtUp());
  return path.replace('{id}', String(headers['x-exchange-id']));
}

describe('an Idempotency-Key', () => {
  it('is tried here on every route that generates', () => {
    const generating = OPERATIONS.filter(
      ({ method, errors }) => method === 'post' && errors.includes('incomplete_generation'),
    ).map(({ path }) => path);
    const tried = new Set(CASES.map(([path]) => path.replace(/\?.*/, '')));
    expect(generating.length).toBeGreaterThan(8);
    expect(generating.filter(path => !tried.has(path))).toEqual([]);
    const saying = OPERATIONS.filter(({ errors }) => errors.includes('idempotency_conflict'));
    expect(new Set(saying.map(({ path }) => path))).toEqual(tried);
  });

  it.each<[path: string, body: object, exchanges?: number]>(CASES)(
    'sent thrice to %s with %j makes one answer',
    async (path, body, exchanges = 1) => {
      const listener = path.endsWith('/submit') ? await openJobStream(app.url, 'sender') : null;
      const url = app.url + (await pathOf(path));
      const before = (await app.readLog()).length;
      const key = newKey();
      const both = await Promise.all([1, 2].map(() => readStream(url, withKey(body, key))));
      const late = await readStream(url, withKey(body, key));
      const [one] = both;
      if (one === undefined) throw new Error('There is no answer');
      expect(one.status).toBeLessThan(300);
      for (const other of [...both, late]) {
        expect(other).toMatchObject({ status: one.status, whole: true });
        expect(withoutClock(other.text)).toBe(withoutClock(one.text));
        expect(other.headers['x-exchange-id']).toBe(one.headers['x-exchange-id']);
        expect(other.headers['content-type']).toBe(one.headers['content-type']);
      }
      expect([...both, late].map(replayed).sort()).toEqual(['true', 'true', undefined]);
      await listener?.heard('done');
      listener?.leave();
      await app.until(() => app.parts.admission.isQuiet);
      const lines = (await app.readLog()).slice(before);
      expect(lines).toHaveLength(exchanges);
      expect(lines.map(({ id }) => id)).toContain(one.headers['x-exchange-id']);
    },
  );

  it('lets a client that lost its connection midway have all of the same answer', async () => {
    const asked = withKey({ prompt: 'LONG', max_tokens: 40 }, newKey());
    const broken = await openStream(`${app.url}/generate`, asked);
    await broken.seen(text => text.split('LONG').length > 5);
    broken.leave();
    const again = await readStream(`${app.url}/generate`, asked);
    expect(replayed(again)).toBe('true');
    expect(again.text.split('LONG').length - 1).toBe(40);
    expect(again.headers['x-exchange-id']).toBe(broken.headers['x-exchange-id']);
    expect(again.text.startsWith(broken.text())).toBe(true);
  });

  it('of a client that stays away cancels its answer after a while, its text in the log', async () => {
    const asked = withKey({ prompt: 'LONG away', max_tokens: 100_000 }, newKey());
    const gone: OpenStream = await openStream(`${app.url}/generate`, asked);
    await gone.seen(text => text.includes('"LONG"'));
    gone.leave();
    await app.until(() => app.parts.admission.isQuiet);
    const line = (await app.readLog()).at(-1);
    expect(line).toMatchObject({ id: gone.headers['x-exchange-id'], status: 'cancelled' });
    expect(String(line?.response)).toContain('LONG');
    const anew = await openStream(`${app.url}/generate`, asked);
    expect(replayed(anew)).toBeUndefined();
    expect(anew.headers['x-exchange-id']).not.toBe(gone.headers['x-exchange-id']);
    anew.leave();
  });

  it('with another body is refused, and with the same one in another format is another request', async () => {
    const key = newKey();
    const first = await readStream(`${app.url}/generate`, withKey({ prompt: 'one' }, key));
    const other = await readStream(`${app.url}/generate`, withKey({ prompt: 'two' }, key));
    expect(other.status).toBe(409);
    expect(JSON.parse(other.text)).toMatchObject({ code: 'idempotency_conflict', param: 'Idempotency-Key' });
    const plain = await readStream(`${app.url}/stream`, withKey({ prompt: 'one' }, key));
    expect([plain.status, replayed(plain)]).toEqual([200, undefined]);
    expect(plain.headers['x-exchange-id']).not.toBe(first.headers['x-exchange-id']);
  });

  it.each(['', ' ', 'two words', 'ü', 'x'.repeat(256)])('is refused when it is %j', async key => {
    const headers = { 'Idempotency-Key': Buffer.from(key).toString('latin1') };
    for (const [path, body] of [
      ['/generate', { prompt: 'x' }],
      ['/v1/responses', { input: 'x', messages }],
      ['/api/chat', { messages }],
      // Loads the model, and nothing else.
      ['/api/chat', { messages: [] }],
    ] as const) {
      const answer = await readStream(app.url + path, { body, headers });
      expect([path, answer.status]).toEqual([path, 400]);
      expect(answer.text).toContain('Idempotency-Key');
    }
  });

  it('is not kept for what was refused before its first event', async () => {
    const key = newKey();
    const refused = await readStream(
      `${app.url}/api/v1/chat/submit`,
      withKey({ prompt: 'x', client_id: 'late' }, key),
    );
    expect(refused.status).toBe(404);
    const listener = await openJobStream(app.url, 'late');
    const taken = await readStream(
      `${app.url}/api/v1/chat/submit`,
      withKey({ prompt: 'x', client_id: 'late' }, key),
    );
    expect([taken.status, replayed(taken)]).toEqual([202, undefined]);
    await listener.heard('done');
    listener.leave();
  });
});
