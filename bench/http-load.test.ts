import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { parseLine, readStream } from './http-load.mjs';

const NDJSON = ['{"response":"a ä"}', '{"response":"","done":true,"usage":{"completion_tokens":2}}'];
const SSE = [
  'data: {"choices":[{"delta":{"role":"assistant"},"finish_reason":null}]}\n',
  'data: {"choices":[{"delta":{"content":"a ä"},"finish_reason":null}]}\n',
  'data: {"choices":[{"delta":{},"finish_reason":"length"}],"usage":{"completion_tokens":2}}\n',
];

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function serve(answer: (response: ServerResponse) => void): Promise<string> {
  const listening = createServer((_, response) => answer(response)).listen(0, '127.0.0.1');
  server = listening;
  await new Promise(resolve => listening.once('listening', resolve));
  return `http://127.0.0.1:${(listening.address() as AddressInfo).port}`;
}

function read(url: string, dialect: 'generate' | 'openai', signal = new AbortController().signal) {
  const question = { model: 'm', messages: [{ role: 'user', content: 'x' }], maxTokens: 2 };
  return readStream({ url, dialect, question, beganMs: performance.now(), signal });
}

describe('a stream over HTTP', () => {
  it.each([
    ['generate', `${NDJSON.join('\n')}\n`],
    ['openai', SSE.join('\n')],
  ] as const)('is the same wherever %s is split', async (dialect, text) => {
    const bytes = Buffer.from(text);
    let at = 0;
    const url = await serve(response => {
      response.write(bytes.subarray(0, at));
      setImmediate(() => response.end(bytes.subarray(at)));
    });
    for (at = 1; at < bytes.length; at++) {
      expect(await read(url, dialect)).toMatchObject({ text: 'a ä', tokens: 2, isCut: false });
    }
  });

  it('is cut when its time is over, and keeps what came', async () => {
    const cut = new AbortController();
    const url = await serve(response => response.write(`${NDJSON[0]}\n`));
    const question = { model: 'm', messages: [{ role: 'user', content: 'x' }], maxTokens: 2 };
    const stream = await readStream({
      url,
      dialect: 'generate',
      question,
      beganMs: performance.now(),
      signal: cut.signal,
      onText: () => cut.abort(),
    });
    expect(stream).toMatchObject({ text: 'a ä', tokens: null, isCut: true });
  });

  it('is an error when the server refuses, breaks off or says that it failed', async () => {
    const refusing = await serve(response => response.writeHead(503).end('{"error":"busy"}'));
    await expect(read(refusing, 'generate')).rejects.toThrow('503');
    server?.close();
    const breaking = await serve(response => response.end(`${NDJSON[0]}\n`));
    await expect(read(breaking, 'generate')).rejects.toThrow('broke off');
    server?.close();
    const failing = await serve(response => response.end('data: {"error":"out of memory"}\n'));
    await expect(read(failing, 'openai')).rejects.toThrow('out of memory');
  });

  it('has lines without text', () => {
    for (const line of ['', ': comment', 'data: [DONE]', '{"response":"","status":"queued"}']) {
      expect(parseLine(line).text).toBe('');
    }
  });
});
