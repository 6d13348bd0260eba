// Clients that have ended their side of the connection, in raw sockets against the whole gateway: some still listen, some
// have left. The first must get all, the second must cost nothing.
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { FakePlan } from './testing/fake-plan.js';
import { parseLines } from './testing/read-stream.js';
import { type StartedApp, startApp } from './testing/start-app.js';

let app: StartedApp;
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  const { admission, worker } = app.parts;
  await app.until(() => admission.running + admission.waiting + worker.status().running === 0);
  await app.close();
});

async function start(plan: FakePlan): Promise<void> {
  app = await startApp({ plan });
  await app.ready();
}

function request(path: string, body: object, headers = ''): string {
  const text = JSON.stringify(body);
  return `POST ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}Content-Type: application/json\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
}

function send(text: string) {
  const socket = connect({ port: Number(new URL(app.url).port), host: '127.0.0.1', allowHalfOpen: true });
  sockets.push(socket);
  let received = '';
  let isEnded = false;
  socket.on('data', chunk => {
    received += chunk.toString();
  });
  socket.on('end', () => {
    isEnded = true;
  });
  socket.on('error', () => {});
  socket.write(text);
  return { socket, received: () => received, isEnded: () => isEnded };
}

/** The body of a chunked answer, read as RFC 9112 says; interim answers are passed over. */
function bodyOf(received: string): string {
  let rest = received;
  while (rest.startsWith('HTTP/1.1 1')) rest = rest.slice(rest.indexOf('\r\n\r\n') + 4);
  const [, head = '', after = ''] = /^([\s\S]*?\r\n)\r\n([\s\S]*)$/.exec(rest) ?? [];
  expect(head).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  if (!/^transfer-encoding: chunked\r$/im.test(head)) return after;
  let body = '';
  for (let at = 0; ; ) {
    const line = after.indexOf('\r\n', at);
    const size = after.slice(at, line);
    expect(size).toMatch(/^[0-9a-f]{1,16}$/);
    const length = Number.parseInt(size, 16);
    if (length === 0) break;
    body += after.slice(line + 2, line + 2 + length);
    at = line + 2 + length + 2;
  }
  return body;
}

const endless = { tokens: 1_000_000, gap_ms: 5 } as const;
const long = { max_tokens: 100_000 } as const;
const slow = { prefill_ms: 300, tokens: 5, gap_ms: 60 } as const;

describe('a client that has ended its side and listens', () => {
  it.each([
    [
      'NDJSON',
      request('/generate', { prompt: 'a' }),
      (body: string) =>
        parseLines(body)
          .map(line => line.response)
          .join(''),
    ],
    ['text', request('/generate', { prompt: 'a' }, 'Accept: text/plain\r\n'), (body: string) => body],
    [
      'one JSON body',
      request('/api/chat', { messages: [{ role: 'user', content: 'a' }], stream: false }),
      (body: string) => JSON.parse(body).message.content,
    ],
    [
      'events',
      request('/v1/chat/completions', { messages: [{ role: 'user', content: 'a' }], stream: true }),
      (body: string) =>
        body
          .split('\n\n')
          .filter(event => event.startsWith('data: {'))
          .map(event => JSON.parse(event.slice(6)).choices[0]?.delta?.content ?? '')
          .join(''),
    ],
  ])('gets its whole answer, then the end: %s', async (_name, text, answer) => {
    await start(slow);
    const client = send(text);
    client.socket.end();
    await app.until(client.isEnded);
    expect(answer(bodyOf(client.received()))).toBe('a a a a a');
    expect(await app.readLog()).toMatchObject([{ status: 'completed' }]);
  });

  it('waits its turn like any other, and gets the answer', async () => {
    await start({ rules: [{ match: 'first', tokens: 60, gap_ms: 10 }], tokens: 3 });
    const first = send(request('/generate', { prompt: 'first' }));
    await app.until(() => first.received().includes('"first"'));
    const texts = ['Accept: text/plain\r\n', ''].map(accept => request('/generate', { prompt: 'b' }, accept));
    const waiting = texts.map(send);
    for (const { socket } of waiting) socket.end();
    await app.until(() => app.parts.admission.waiting === 2);
    await app.until(() => waiting.every(client => client.isEnded()));
    const [bare = '', lines = ''] = waiting.map(client => bodyOf(client.received()));
    expect(bare).toBe('b b b');
    expect(parseLines(lines).at(-1)).toMatchObject({ done: true, done_reason: 'stop' });
  });

  it('gets the answers to all that it sent before', async () => {
    await start({ tokens: 3, gap_ms: 30 });
    const client = send(['one', 'two'].map(prompt => request('/generate', { prompt })).join(''));
    client.socket.end(request('/generate', { prompt: 'three' }));
    await app.until(client.isEnded);
    expect(client.received().split('"done_reason":"stop"')).toHaveLength(4);
  });

  it('may end its side midway through the answer', async () => {
    await start({ tokens: 20, gap_ms: 10 });
    const client = send(request('/generate', { prompt: 'a' }));
    await app.until(() => client.received().includes('"a"'));
    client.socket.end();
    await app.until(client.isEnded);
    expect(parseLines(bodyOf(client.received())).at(-1)).toMatchObject({ done_reason: 'stop' });
  });

  it('is told at once that half a request is none', async () => {
    await start({});
    const client = send(request('/generate', { prompt: 'a' }).slice(0, -3));
    client.socket.end();
    await app.until(client.isEnded);
    expect(client.received()).toMatch(/^HTTP\/1\.1 400 /);
  });

  it('is answered without an interim answer when the answer is there at once', async () => {
    await start({});
    const client = send('GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n');
    client.socket.end();
    await app.until(client.isEnded);
    expect(client.received()).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  });
});

/** How a client may leave. Closing with bytes unread resets the connection; so does the second. */
const WAYS = {
  'a close': (socket: Socket) => socket.destroy(),
  'a reset': (socket: Socket) => socket.resetAndDestroy(),
  'a half-close, then a close': (socket: Socket) => {
    socket.end();
    setTimeout(() => socket.destroy(), 50);
  },
  'a close with bytes unread': (socket: Socket) => {
    socket.pause();
    setTimeout(() => socket.destroy(), 50);
  },
} as const;

describe.each(Object.entries(WAYS))('a client that leaves by %s', (_way, leave) => {
  it('midway is found within a token or two', async () => {
    await start(endless);
    const client = send(request('/generate', { prompt: 'a', ...long }));
    await app.until(() => client.received().includes('"a"'));
    leave(client.socket);
    await app.until(() => app.parts.admission.running === 0);
    expect(await app.readLog()).toMatchObject([{ status: 'cancelled' }]);
  });

  it.each([
    ['NDJSON', ''],
    ['text, in which nothing can be said', 'Accept: text/plain\r\n'],
  ])('before its first token is found: %s', async (_name, accept) => {
    await start({ prefill_ms: 1_000_000 });
    const client = send(request('/generate', { prompt: 'a' }, accept));
    await app.until(() => app.parts.worker.status().running === 1);
    leave(client.socket);
    await app.until(() => app.parts.admission.running === 0);
  });

  it.each([
    ['NDJSON', '/generate', { prompt: 'b' }, ''],
    ['text', '/generate', { prompt: 'b' }, 'Accept: text/plain\r\n'],
    ['one JSON body', '/api/chat', { messages: [{ role: 'user', content: 'b' }], stream: false }, ''],
  ])('while it waits is found, and never reaches the worker: %s', async (_name, path, body, accept) => {
    await start(endless);
    const first = send(request('/generate', { prompt: 'a', ...long }));
    await app.until(() => first.received().includes('"a"'));
    const client = send(request(path, body, accept));
    await app.until(() => app.parts.admission.waiting === 1);
    leave(client.socket);
    await app.until(() => app.parts.admission.waiting === 0);
    first.socket.destroy();
    await app.until(() => app.parts.admission.running === 0);
    expect((await app.readLog()).map(({ prompt }) => prompt)).toEqual(['a']);
  });
});
