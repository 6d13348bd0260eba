// A tiny HTTP server that plays a written answer to POST /generate, for tests of clients.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';

export interface ScriptedGateway {
  readonly url: string;
  readonly port: number;
  /** Bodies that came, parsed. */
  readonly requests: unknown[];
}

/** Called once a request has been read; has the response to itself. Closed when the test is over. */
export type Script = (response: ServerResponse, request: IncomingMessage) => void | Promise<void>;

export async function scriptedGateway(script: Script): Promise<ScriptedGateway> {
  const requests: unknown[] = [];
  const server = createServer(async (request, response) => {
    const body = await text(request);
    requests.push({ method: request.method, url: request.url, body: body === '' ? null : JSON.parse(body) });
    await script(response, request);
  });
  await new Promise<void>(resolve => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port, requests };
}

/** The lines as one NDJSON text. */
export const ndjson = (...lines: unknown[]): string =>
  lines.map(line => `${JSON.stringify(line)}\n`).join('');

export const piece = (response: string) => ({ response });
export const done = (reason = 'stop') => ({ response: '', done: true, done_reason: reason });

/** Answers 200 with the whole body at once. */
export const answer =
  (body: string): Script =>
  response => {
    response.writeHead(200, { 'Content-Type': 'application/x-ndjson' }).end(body);
  };
