// The listening socket: Node's own limits on slow or broken clients, and closing without cutting answers.
import { randomUUID } from 'node:crypto';
import { createServer, type RequestListener, type ServerResponse, STATUS_CODES } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ErrorRecorder } from './domain/recorder.js';
import { ERRORS, type ErrorCode } from './errors.js';
import { closeGently } from './http/closing.js';
import { Connections } from './http/connections.js';
import { askWhoListens } from './http/departure.js';
import { MAX_HEADERS } from './http/request-head.js';
import { toPath } from './http/request-target.js';

const HEADERS_TIMEOUT_MS = 10_000;
/** With the time until it is noticed, a slow client is gone in 15 s. */
const REQUEST_TIMEOUT_MS = 14_000;
const CONNECTIONS_CHECK_INTERVAL_MS = 500;
const TCP_KEEPALIVE_MS = 30_000;
const LAST_WORDS_TIMEOUT_MS = 1_000;

export interface HttpServer {
  readonly url: string;
  /** Stops accepting at once and closes connections as they become idle; resolves when none is left. */
  close(): Promise<void>;
  /** Breaks what is still open. */
  destroy(): void;
}

/**
 * @param recorder told of what is refused before the app sees it
 * @throws NodeJS.ErrnoException EADDRINUSE and the like
 */
export async function listen(
  listener: RequestListener,
  host: string,
  port: number,
  recorder?: ErrorRecorder,
): Promise<HttpServer> {
  const answer: RequestListener = (req, res) => {
    req.url = toPath(req.url ?? '');
    listener(req, res);
  };
  const server = createServer(
    {
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: CONNECTIONS_CHECK_INTERVAL_MS,
      keepAlive: true,
      keepAliveInitialDelay: TCP_KEEPALIVE_MS,
      noDelay: true,
      // The app says no to these itself, in words.
      requireHostHeader: false,
    },
    answer,
  );
  server.maxHeadersCount = MAX_HEADERS + 1;
  server.on('checkExpectation', answer);
  const connections = new Connections(server);
  askWhoListens(server, connections);
  server.on('connect', (_req, socket) => lastWords(socket, NO_PROXY));
  server.on('connection', socket => socket.setMaxListeners(0));
  server.on('clientError', (error, socket) =>
    answerClientError(error, socket, [...connections.owedOn(socket)], recorder),
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const address = server.address() as AddressInfo;
  const shownHost = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return {
    url: `http://${shownHost}:${address.port}`,
    close: () => closeGently(server, connections),
    destroy: () => server.closeAllConnections(),
  };
}

interface RawError {
  readonly code: ErrorCode;
  readonly message: string;
}

const CLIENT_ERRORS: Readonly<Record<string, RawError>> = {
  ERR_HTTP_REQUEST_TIMEOUT: { code: 'request_timeout', message: 'The request took too long to arrive.' },
  HPE_HEADER_OVERFLOW: { code: 'headers_too_large', message: 'The request headers are too large.' },
};
const MALFORMED: RawError = { code: 'invalid_request', message: 'This is not a well-formed HTTP request.' };
const NO_PROXY: RawError = { code: 'method_not_allowed', message: 'CONNECT is for proxies; this is none.' };

/** No request object exists for what came, so the answer is written to the bare socket. */
function answerClientError(
  error: NodeJS.ErrnoException,
  socket: Duplex,
  owed: readonly ServerResponse[],
  recorder: ErrorRecorder | undefined,
): void {
  const isMidAnswer = owed.some(answer => answer.headersSent && !answer.writableFinished);
  if (error.code === 'ECONNRESET' || !socket.writable || isMidAnswer) {
    socket.destroy();
    return;
  }
  const refusal = CLIENT_ERRORS[error.code ?? ''] ?? MALFORMED;
  recorder?.error(refusal.code);
  lastWords(socket, refusal);
}

function lastWords(socket: Duplex, { code, message }: RawError): void {
  const { status } = ERRORS[code];
  const requestId = randomUUID();
  const body = JSON.stringify({ error: message, code, request_id: requestId });
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/json; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nX-Request-ID: ${requestId}\r\n` +
      `X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n${body}`,
  );
  // A peer that never closes its side would keep the descriptor.
  setTimeout(() => socket.destroy(), LAST_WORDS_TIMEOUT_MS).unref();
}
