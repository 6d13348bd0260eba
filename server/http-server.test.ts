// Raw sockets against the whole gateway: what no well-behaved client sends.
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { parseLines } from './testing/read-stream.js';
import { type StartAppOptions, type StartedApp, startApp } from './testing/start-app.js';

let app: StartedApp;
let socket: Socket;
afterEach(async () => {
  socket.destroy();
  const { admission, worker } = app.parts;
  await app.until(() => admission.running + admission.waiting + worker.status().running === 0);
  await app.close();
});

function post(prompt: string, headers = ''): string {
  const body = JSON.stringify({ prompt });
  return `POST /generate HTTP/1.1\r\nHost: localhost\r\n${headers}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

async function open(options: StartAppOptions = {}) {
  app = await startApp(options);
  await app.ready();
  socket = connect(Number(new URL(app.url).port), '127.0.0.1');
  let text = '';
  let isClosed = false;
  socket.on('data', chunk => {
    text += chunk.toString();
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    isClosed = true;
  });
  return { text: () => text, isClosed: () => isClosed };
}

const occurrences = (text: string, part: string) => text.split(part).length - 1;

describe('a connection', () => {
  it.each([
    ['no HTTP at all', 'hello\r\n\r\n'],
    [
      'two lengths',
      'POST /generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
    ],
    [
      'a length and chunks',
      'POST /generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['a folded header', 'GET /health HTTP/1.1\r\nHost: localhost\r\nA: b\r\n c\r\n\r\n'],
    ['a bad chunk', 'POST /generate HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'],
    [
      'a chunk of no end',
      'POST /generate HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n',
    ],
    [
      'chunks that are not the last encoding',
      'POST /generate HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n',
    ],
    [
      'chunks by another name',
      'POST /generate HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n',
    ],
    [
      'a length of two numbers',
      'POST /generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1, 2\r\n\r\nab',
    ],
    ['a negative length', 'POST /generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n'],
    ['a signed length', 'POST /generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: +2\r\n\r\nab'],
    ['a blank before a colon', 'POST /generate HTTP/1.1\r\nHost: localhost\r\nContent-Length : 2\r\n\r\nab'],
    ['a bare line feed between headers', 'GET /health HTTP/1.1\r\nHost: localhost\nA: b\r\n\r\n'],
    ['a bare carriage return in a header', 'GET /health HTTP/1.1\r\nHost: localhost\r\nA: b\rC: d\r\n\r\n'],
    ['a NUL in a header', 'GET /health HTTP/1.1\r\nHost: localhost\r\nA: b\0c\r\n\r\n'],
    ['a blank in the path', 'GET /hea lth HTTP/1.1\r\nHost: localhost\r\n\r\n'],
    ['a version that there is not', 'GET /health HTTP/9.9\r\nHost: localhost\r\n\r\n'],
    ['a bare line feed', 'GET /health HTTP/1.1\nHost: localhost\n\n'],
    ['the first bytes of TLS', '\x16\x03\x01\x00\xa5\x01\x00\x00'],
  ])('with %s gets 400 as JSON with a request id, and is closed', async (_name, raw) => {
    const peer = await open();
    socket.write(raw);
    await app.until(peer.isClosed);
    expect(peer.text()).toMatch(/^HTTP\/1\.1 400 /);
    expect(JSON.parse(peer.text().split('\r\n\r\n')[1] ?? '')).toMatchObject({
      code: 'invalid_request',
      request_id: expect.any(String),
    });
  });

  it.each([
    ['no Host', 400, 'GET /livez HTTP/1.1\r\n\r\n', 'invalid_request'],
    [
      'two Hosts',
      400,
      'GET /livez HTTP/1.1\r\nHost: localhost\r\nhost: localhost\r\n\r\n',
      'invalid_request',
    ],
    [
      '101 headers',
      431,
      `GET /livez HTTP/1.1\r\nHost: localhost\r\n${'a: b\r\n'.repeat(100)}\r\n`,
      'headers_too_large',
    ],
    [
      'an unknown Expect',
      417,
      'GET /livez HTTP/1.1\r\nHost: localhost\r\nExpect: magic\r\n\r\n',
      'expectation_failed',
    ],
    ['a URL of another kind', 400, 'GET foo://host HTTP/1.1\r\nHost: localhost\r\n\r\n', 'invalid_request'],
    ['a URL that is none', 400, 'GET http://[bad/ HTTP/1.1\r\nHost: localhost\r\n\r\n', 'invalid_request'],
    ['no path', 400, 'GET * HTTP/1.1\r\nHost: localhost\r\n\r\n', 'invalid_request'],
    ['CONNECT', 405, 'CONNECT /generate HTTP/1.1\r\nHost: localhost\r\n\r\n', 'method_not_allowed'],
  ])('with %s gets %i as JSON with a request id', async (_name, status, raw, code) => {
    const peer = await open();
    socket.write(raw);
    await app.until(() => peer.text().endsWith('}'));
    expect(peer.text()).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [^]*\r\nX-Request-ID: [\\w-]{36}\r\n`));
    expect(JSON.parse(peer.text().split('\r\n\r\n')[1] ?? '')).toMatchObject({
      code,
      request_id: expect.any(String),
    });
  });

  it('with 100 headers, or in HTTP/1.0 without Host, is answered', async () => {
    const peer = await open();
    socket.write(`GET /livez HTTP/1.1\r\nHost: localhost\r\n${'a: b\r\n'.repeat(99)}\r\n`);
    socket.write('GET /livez HTTP/1.0\r\n\r\n');
    await app.until(peer.isClosed);
    expect(occurrences(peer.text(), 'HTTP/1.1 200 OK')).toBe(2);
  });

  it('that asks by a whole URL is answered as for its path, and needs a key where that does', async () => {
    const peer = await open({ env: { API_KEY: 'a-key-for-this-test' } });
    socket.write('GET http://localhost/livez?a=1 HTTP/1.1\r\nHost: localhost\r\n\r\n');
    socket.write('GET http://localhost/livez/../history HTTP/1.1\r\nHost: localhost\r\n\r\n');
    socket.write('OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    await app.until(peer.isClosed);
    expect(peer.text().match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 401', 'HTTP/1.1 401']);
  });

  it('with 20 KiB of headers gets 431', async () => {
    const peer = await open();
    socket.write(`GET /health HTTP/1.1\r\nHost: localhost\r\nA: ${'a'.repeat(20_000)}\r\n\r\n`);
    await app.until(peer.isClosed);
    expect(peer.text()).toMatch(/^HTTP\/1\.1 431 /);
  });

  it('that turns to garbage midway breaks, and nothing is written into the answer', async () => {
    const peer = await open({ plan: { tokens: 1_000, gap_ms: 5 } });
    socket.write(post('run'));
    await app.until(() => peer.text().includes('"run"'));
    socket.write('garbage\r\n\r\n');
    await app.until(peer.isClosed);
    expect(occurrences(peer.text(), 'HTTP/1.1')).toBe(1);
    expect(peer.text()).not.toContain('well-formed');
  });

  it('answers pipelined prompts in order, each whole', async () => {
    const peer = await open({ plan: { tokens: 3, gap_ms: 5 } });
    socket.write(post('one') + post('two') + post('three'));
    await app.until(() => occurrences(peer.text(), '"done":true') === 3);
    const lines = parseLines(
      peer
        .text()
        .split('\r\n')
        .filter(line => line.startsWith('{'))
        .join(''),
    );
    expect(
      lines
        .filter(line => line.status === undefined)
        .map(line => line.response)
        .join(''),
    ).toBe('one one onetwo two twothree three three');
  });

  it('that closes takes its pipelined prompts with it, running or waiting', async () => {
    const peer = await open({ plan: { slots: 2, tokens: 1_000, gap_ms: 5 } });
    socket.write(post('one') + post('two') + post('three'));
    await app.until(() => app.parts.worker.status().running === 2 && peer.text().includes('"one"'));
    socket.destroy();
    await app.until(() => app.parts.admission.running + app.parts.admission.waiting === 0);
    expect((await app.readLog()).map(line => line.status)).toEqual(['cancelled', 'cancelled']);
  });

  it('breaks when a plain text answer pipelined behind another fails', async () => {
    const peer = await open({
      plan: {
        slots: 2,
        rules: [
          { match: 'slow', tokens: 30, gap_ms: 10 },
          { match: 'RAISE', at: 2, do: 'raise' },
        ],
      },
    });
    socket.write(post('slow') + post('RAISE', 'Accept: text/plain\r\n'));
    await app.until(peer.isClosed);
    expect(occurrences(peer.text(), '"done":true')).toBe(1);
    expect(peer.text().endsWith('0\r\n\r\n')).toBe(true);
    expect(occurrences(peer.text(), '\r\n0\r\n\r\n')).toBe(1);
  });
});
