// What still comes of a body whose answer is known already. Knows no answer.
import type { Request } from 'express';

/** A client that still sends then has had the time to read its answer, on a busy machine, too. */
const LINGER_MS = 5_000;

/**
 * Reads on and throws away. Closing a connection with unread bytes in it resets it, and the reset overtakes the answer:
 * so where the answer ends the connection, only our side is closed at first.
 */
export function discardRest(req: Request): void {
  const { socket } = req;
  req.on('error', () => {}).resume();
  // What Node calls when the last answer of a connection is written.
  socket.destroySoon = () => {
    socket.end();
    setTimeout(() => socket.destroy(), LINGER_MS).unref();
  };
}
