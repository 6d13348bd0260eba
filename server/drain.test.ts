// The end of a gateway that is busy: what runs ends whole, what waits is told, and connections without an answer close.
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type GatewayOptions, type GatewayProcess, spawnGateway } from './testing/gateway-process.js';
import { openStream, parseLines, readStream } from './testing/read-stream.js';
import { until } from './testing/until.js';

const started: GatewayProcess[] = [];
const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const { child } of started.splice(0)) child.kill('SIGKILL');
});

/** Long enough for a busy machine to make its requests meanwhile. */
const TOKENS = 250;
const slow = { plan: { tokens: TOKENS, gap_ms: 20 } } as const;
const cut = { plan: { tokens: 1_000_000, gap_ms: 20 }, env: { MINIVAULT_DRAIN_TIMEOUT_MS: '500' } } as const;

/** A gateway with one slot, and a prompt in it. */
async function spawnBusy(options: GatewayOptions) {
  const gateway = await spawnGateway(options);
  started.push(gateway);
  const url = await gateway.url();
  const running = await openStream(`${url}/generate`, { body: { prompt: 'run', max_tokens: 100_000 } });
  await running.seen(text => text.includes('"run"'));
  return { gateway, url, running };
}

async function open(url: string, text = '') {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  sockets.push(socket);
  let received = '';
  let isClosed = false;
  socket.on('data', chunk => {
    received += chunk.toString();
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    isClosed = true;
  });
  await new Promise<void>(resolve => socket.once('connect', () => resolve()));
  if (text !== '') socket.write(text);
  return { socket, received: () => received, isClosed: () => isClosed };
}

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
function post(path: string, body: object): string {
  const text = JSON.stringify(body);
  return `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
}
const occurrences = (text: string, part: string) => text.split(part).length - 1;
const logOf = async (gateway: GatewayProcess) => parseLines(await readFile(gateway.logFile, 'utf8'));
const healthOf = async (url: string) =>
  (await (await fetch(`${url}/health`)).json()) as { queue: { waiting: number; running: number } };

const chat = { messages: [{ role: 'user', content: 'wait' }] };
const ASKED: readonly [path: string, body: object, status: number][] = [
  ['/v1/chat/completions', { ...chat, stream: false }, 503],
  ['/v1/chat/completions', { ...chat, stream: true }, 200],
  ['/api/chat', { ...chat, stream: false }, 503],
  ['/api/chat', { ...chat, stream: true }, 200],
  ['/v1/messages', { ...chat, max_tokens: 9, stream: false }, 503],
  ['/v1/messages', { ...chat, max_tokens: 9, stream: true }, 200],
  ['/v1/responses', { input: 'wait', stream: true }, 200],
  ['/stream?stream_format=openai', { prompt: 'wait' }, 200],
  ['/api/v1/chat', chat, 200],
];

describe('SIGTERM', () => {
  it('with one running, 20 waiting and 30 idle: all of them end as they should', async () => {
    const { gateway, url, running } = await spawnBusy(slow);
    const silent = await Promise.all(Array.from({ length: 15 }, () => open(url)));
    const used = await Promise.all(Array.from({ length: 15 }, () => open(url, get('/livez'))));
    await until(() => used.every(({ received }) => received().includes('200 OK')));
    const waiting = Array.from({ length: 20 }, (_, i) =>
      readStream(`${url}/generate`, { body: { prompt: `w${i}` } }),
    );
    await until(async () => (await healthOf(url)).queue.waiting === 20);

    gateway.child.kill('SIGTERM');
    for (const { text, whole } of await Promise.all(waiting)) {
      expect(whole).toBe(true);
      expect(parseLines(text).at(-1)).toMatchObject({ done: true, error: { code: 'shutting_down' } });
    }
    await until(() => [...silent, ...used].every(({ isClosed }) => isClosed()));
    await expect(fetch(`${url}/livez`)).rejects.toThrow();
    // All that while the answer goes on.
    expect(running.text()).not.toContain('"done":true');
    const { text, whole } = await running.ended;
    expect(whole).toBe(true);
    expect(occurrences(text, 'run"')).toBe(TOKENS);
    expect(await gateway.exited).toEqual({ code: 0, signal: null });
    expect(await logOf(gateway)).toMatchObject([{ prompt: 'run', status: 'completed' }]);
  });

  it('is told to those who wait in their own dialect: 503 where nothing was sent yet, else in the stream', async () => {
    const { gateway, url } = await spawnBusy(cut);
    const answers = ASKED.map(([path, body]) => readStream(`${url}${path}`, { body }));
    await until(async () => (await healthOf(url)).queue.waiting === ASKED.length);
    gateway.child.kill('SIGTERM');
    const ended = await Promise.all(answers);
    for (const [nth, { status, headers, text, whole }] of ended.entries()) {
      const [path, body, expected] = ASKED[nth] ?? ['', {}, 0];
      const name = `${path} ${JSON.stringify(body)}`;
      expect({ status, whole }, name).toEqual({ status: expected, whole: true });
      expect(text, name).toMatch(/shutting_down|stopping/);
      if (status === 503) expect(Number(headers['retry-after']), name).toBeGreaterThan(0);
    }
    const [openai, , ollama, , anthropic] = ended.map(({ text }) => text);
    expect(JSON.parse(openai ?? '')).toMatchObject({ error: { code: 'shutting_down' } });
    expect(JSON.parse(ollama ?? '')).toMatchObject({ error: expect.any(String) });
    expect(JSON.parse(anthropic ?? '')).toMatchObject({ type: 'error' });
    expect(await gateway.exited).toEqual({ code: 0, signal: null });
  });

  it('is not ready on a connection that is still open, which each answer there ends', async () => {
    const { gateway, url } = await spawnBusy(cut);
    const half = await Promise.all(Array.from({ length: 3 }, () => open(url, get('/readyz').slice(0, -2))));
    // What came before it has been read once this is answered.
    await healthOf(url);
    gateway.child.kill('SIGTERM');
    await until(() => gateway.output().includes('SIGTERM'));
    for (const { socket } of half) socket.write('\r\n');
    await until(() => half.every(({ isClosed }) => isClosed()));
    for (const { received } of half) {
      expect(received()).toMatch(/^HTTP\/1\.1 503 [\s\S]*\r\nConnection: close\r\n/);
      expect(received()).toMatch(/\r\nRetry-After: \d+\r\n[\s\S]*"shutting_down"/);
    }
    expect(await gateway.exited).toEqual({ code: 0, signal: null });
  });

  it('lets the running one of a pipeline end and tells the rest 503, in order', async () => {
    const gateway = await spawnGateway(slow);
    started.push(gateway);
    const peer = await open(
      await gateway.url(),
      post('/generate', { prompt: 'run' }) +
        ['a', 'b'].map(input => post('/v1/responses', { input })).join('') +
        get('/livez'),
    );
    await until(() => peer.received().includes('"run"'));
    gateway.child.kill('SIGTERM');
    await until(peer.isClosed);
    const [whole = '', ...rest] = peer.received().split(/(?=HTTP\/1\.1 )/);
    expect(occurrences(whole, 'run"')).toBe(TOKENS);
    // The last had its answer before the signal came.
    expect(rest.map(text => text.slice(9, 12))).toEqual(['503', '503', '200']);
    expect(await gateway.exited).toEqual({ code: 0, signal: null });
  });

  it('ends the streams of clients that listen for their jobs, and refuses those who come back', async () => {
    const { gateway, url } = await spawnBusy(cut);
    const listener = await openStream(`${url}/api/v1/chat/stream/me`, { method: 'GET' });
    const late = await open(url, get('/api/v1/chat/stream/me').slice(0, -2));
    await healthOf(url);
    gateway.child.kill('SIGTERM');
    await until(() => gateway.output().includes('SIGTERM'));
    late.socket.write('\r\n');
    await until(late.isClosed);
    expect(late.received()).toMatch(/^HTTP\/1\.1 503 [\s\S]*\r\nRetry-After: \d+\r\n[\s\S]*shutting_down/);
    const { text, whole } = await listener.ended;
    expect(whole).toBe(true);
    expect(text).toContain('"shutting_down"');
    expect(await gateway.exited).toEqual({ code: 0, signal: null });
  });

  it('ends all within the time it has, were the worker deaf and the client slow to read', async () => {
    const { gateway, running } = await spawnBusy({
      plan: { tokens: 1_000_000, gap_ms: 1, rules: [{ match: 'run', at: 2, do: 'deaf' }] },
      env: { MINIVAULT_DRAIN_TIMEOUT_MS: '300', MINIVAULT_WORKER_STOP_TIMEOUT_MS: '200' },
    });
    running.pause();
    gateway.child.kill('SIGTERM');
    expect(await gateway.exited).toEqual({ code: 0, signal: null });
    running.resume();
    await running.ended;
    const log = await logOf(gateway);
    expect(log).toMatchObject([{ prompt: 'run', status: 'failed', error: { code: 'shutting_down' } }]);
    expect(String(log[0]?.response)).toMatch(/^run run/);
  });
});
