// Closing the listening socket without cutting an answer. Knows no routes, and not how long answers may take.
import type { Server, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Connections } from './connections.js';

const SWEEP_INTERVAL_MS = 50;
/** A request may be on its way over a connection that was just made. */
const SILENCE_MAX_MS = 500;

/**
 * Stops accepting at once. Connections close as they become idle, those over which nothing has come after half a second;
 * whoever is still answered is told that no further request will be. Resolves when none is left.
 */
export async function closeGently(server: Server, connections: Connections): Promise<void> {
  const closed = new Promise<void>(resolve => {
    server.close(() => resolve());
  });
  const told = new Set<ServerResponse>();
  for (const [, owed] of connections.all()) tellNewest([...owed], told);
  // Before the routes, some of which answer at once.
  server.prependListener('request', ({ socket }, res) =>
    tellNewest([...connections.owedOn(socket), res], told),
  );
  const startedAtMs = performance.now();
  const sweeper = setInterval(() => {
    server.closeIdleConnections();
    if (performance.now() - startedAtMs < SILENCE_MAX_MS) return;
    for (const [socket] of connections.all()) {
      if (socket instanceof Socket && socket.bytesRead === 0) socket.destroy();
    }
  }, SWEEP_INTERVAL_MS);
  await closed;
  clearInterval(sweeper);
}

/** `Connection: close` in an answer with others pipelined behind it would take those with it. */
function tellNewest(owed: readonly ServerResponse[], told: Set<ServerResponse>): void {
  const newest = owed.at(-1);
  for (const answer of owed) {
    if (answer.headersSent) continue;
    if (answer !== newest) {
      if (told.delete(answer)) answer.shouldKeepAlive = true;
    } else if (answer.shouldKeepAlive) {
      told.add(answer);
      answer.shouldKeepAlive = false;
    }
  }
}
