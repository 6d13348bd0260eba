// Whether a client that has ended its side still listens. TCP says the same (a FIN) of one that has only sent all it has
// to send, as `nc -N` does, and of one that has left; what is written to the second comes back as a reset. So it is asked
// by writing what changes no answer. Knows no routes.
import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Connections } from './connections.js';

/**
 * After the client's end. The kernel of one that has left answers the first question with a reset, which the second one
 * finds: soon for clients of this machine, a round trip later for others. An answer that is done by then is not asked.
 */
const QUESTIONS_AT_MS = [10, 30, 200, 1_000, 4_000, 15_000] as const;
const LATER_INTERVAL_MS = 15_000;
/** Clients may bound the digits of a chunk's size; curl takes 16. */
const MAX_ZEROS = 8;

/** What Node has and its types leave out: whether an answer goes on after its client has ended its side. */
interface HalfOpenServer {
  httpAllowHalfOpen: boolean;
}

/** Answers go on for clients that have only ended their side; the sockets of those that have left are closed. */
export function askWhoListens(server: Server, connections: Connections): void {
  (server as Server & HalfOpenServer).httpAllowHalfOpen = true;
  server.on('connection', socket => socket.once('end', () => askUntilClosed(socket, connections)));
}

function askUntilClosed(socket: Socket, connections: Connections): void {
  let asked = 0;
  let zeros = 0;
  let bytesSeen = socket.bytesWritten;
  let timer: NodeJS.Timeout | undefined;
  const ask = (): void => {
    const [current] = connections.owedOn(socket);
    // What was written meanwhile was a question, too.
    if (socket.bytesWritten !== bytesSeen) zeros = 0;
    else if (current !== undefined && !socket.writableNeedDrain) zeros += askThrough(current, socket, zeros);
    bytesSeen = socket.bytesWritten;
    wait();
  };
  const startedAtMs = performance.now();
  const wait = (): void => {
    const atMs = QUESTIONS_AT_MS[asked++];
    const delayMs = atMs === undefined ? LATER_INTERVAL_MS : startedAtMs + atMs - performance.now();
    timer = setTimeout(ask, delayMs).unref();
  };
  socket.once('close', () => clearTimeout(timer));
  wait();
}

/**
 * Before the head of an answer it is an interim one, which clients pass over (RFC 9110, 15.2); within a chunked body the
 * first digit, a zero, of the next chunk's size (RFC 9112, 7.1). Where there is no room for either the next piece of the
 * answer will tell. Returns how many zeros were written.
 */
function askThrough(answer: ServerResponse, socket: Socket, zeros: number): number {
  if (answer.writableEnded) return 0;
  if (!answer.headersSent) {
    if (answer.req.httpVersion === '1.1') answer.writeProcessing();
    return 0;
  }
  if (!answer.chunkedEncoding || zeros >= MAX_ZEROS) return 0;
  socket.write('0');
  return 1;
}
