import { connect } from 'node:net';
import express from 'express';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { simpleErrorBody } from '../dialects/simple-ndjson.js';
import { type HttpServer, listen } from '../http-server.js';
import { silentLogger } from '../log.js';
import { errorHandler } from './error-handler.js';
import { MAX_BODY_BYTES, readBody } from './read-body.js';
import { requestScope } from './request-scope.js';

let server: HttpServer;
beforeEach(async () => {
  const app = express();
  app.use(requestScope(silentLogger()));
  app.post('/', readBody, (req, res) => {
    res.json({ bytes: (req.body as Buffer).length });
  });
  app.use(errorHandler(() => simpleErrorBody));
  server = await listen(app, '127.0.0.1', 0);
});
afterEach(() => server.destroy());

/**
 * Sends the head, then the same frame for as long as the server takes it, or until it answers; resolves with the answer.
 */
function flood(head: string, frame: Buffer, isDeaf = false): Promise<{ answer: string; sentBytes: number }> {
  return new Promise(resolve => {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    let answer = '';
    let sentBytes = 0;
    const pump = (): void => {
      while (frame.length > 0 && !socket.destroyed && socket.writable && (isDeaf || answer === '')) {
        sentBytes += frame.length;
        if (!socket.write(frame)) return;
      }
    };
    socket.on('drain', pump);
    socket.on('error', () => {});
    socket.on('data', chunk => {
      answer += chunk.toString();
    });
    socket.on('close', () => resolve({ answer, sentBytes }));
    socket.write(`POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${head}\r\n\r\n`);
    pump();
  });
}

const PIECE = Buffer.alloc(64 * 1024, 'x');
const CHUNK = Buffer.concat([Buffer.from(`${PIECE.length.toString(16)}\r\n`), PIECE, Buffer.from('\r\n')]);

describe('a body that is too large', () => {
  it.each([
    ['endless and chunked', 'Transfer-Encoding: chunked', CHUNK],
    ['long by its own word', 'Content-Length: 1000000000000', PIECE],
  ])('is refused while it still comes: %s', async (_name, head, frame) => {
    const { answer, sentBytes } = await flood(head, frame);
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(answer).toContain('Connection: close');
    expect(answer).toContain('"body_too_large"');
    expect(sentBytes).toBeLessThan(64 * MAX_BODY_BYTES);
  });

  it('is refused in words to a client that sends on whatever it hears, and then it is cut off', async () => {
    const floods = Array.from({ length: 3 }, () => flood('Transfer-Encoding: chunked', CHUNK, true));
    for (const { answer } of await Promise.all(floods)) expect(answer).toContain('"body_too_large"');
  });

  it('is told by its length before any of it was sent', async () => {
    const { answer } = await flood(`Content-Length: ${MAX_BODY_BYTES + 1}`, Buffer.alloc(0));
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  });
});

it('a body of exactly 1 MiB in chunks is read whole', async () => {
  const response = await fetch(server.url, {
    method: 'POST',
    body: new Blob([Buffer.alloc(MAX_BODY_BYTES)]).stream(),
    duplex: 'half',
  } as RequestInit);
  expect(await response.json()).toEqual({ bytes: MAX_BODY_BYTES });
});
