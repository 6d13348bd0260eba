// Which connections there are, and which answers each of them still owes, in the order of their requests. Knows no routes.
import type { Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

const NONE: ReadonlySet<ServerResponse> = new Set();

export class Connections {
  readonly #owed = new Map<Duplex, Set<ServerResponse>>();

  constructor(server: Server) {
    server.on('connection', socket => {
      this.#owed.set(socket, new Set());
      socket.once('close', () => this.#owed.delete(socket));
    });
    for (const event of ['request', 'checkExpectation']) {
      server.on(event, ({ socket }: { socket: Duplex }, res: ServerResponse) => {
        const owed = this.#owed.get(socket);
        owed?.add(res);
        res.once('close', () => owed?.delete(res));
      });
    }
  }

  all(): Iterable<[Duplex, ReadonlySet<ServerResponse>]> {
    return this.#owed;
  }

  /** Oldest first: all but that one are pipelined behind it. */
  owedOn(socket: Duplex): ReadonlySet<ServerResponse> {
    return this.#owed.get(socket) ?? NONE;
  }
}
