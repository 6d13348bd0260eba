// A way to a PostgreSQL that a test can close, silence and open again.
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface DatabaseProxy {
  /** The database's URL by way of the proxy. */
  readonly url: string;
  /** Refuses new connections and breaks those that are open. */
  shut(): Promise<void>;
  /** Takes connections and passes nothing on, in neither direction. */
  silence(): void;
  /** Passes everything on again; what was silenced stays so. */
  open(): Promise<void>;
  /** Connections taken and not closed. */
  connections(): number;
  close(): Promise<void>;
}

/** Open when it resolves. */
export async function openDatabaseProxy(url: string): Promise<DatabaseProxy> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  let isSilent = false;
  const server = createServer(inner => {
    const own = [inner];
    sockets.add(inner);
    if (isSilent) inner.resume();
    else {
      const outer = connect(Number(target.port), target.hostname);
      own.push(outer);
      inner.pipe(outer).pipe(inner);
    }
    for (const socket of own) {
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(inner);
        for (const other of own) other.destroy();
      });
    }
  });
  const listen = (port: number): Promise<void> =>
    new Promise(resolve => {
      server.listen(port, '127.0.0.1', resolve);
    });
  await listen(0);
  const { port } = server.address() as AddressInfo;
  const shut = async (): Promise<void> => {
    const closed = new Promise(resolve => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  const via = new URL(url);
  via.port = String(port);
  via.hostname = '127.0.0.1';
  return {
    url: via.href,
    shut,
    silence: () => {
      isSilent = true;
      for (const socket of sockets) socket.unpipe().resume();
    },
    open: async () => {
      isSilent = false;
      if (!server.listening) await listen(port);
    },
    connections: () => sockets.size,
    close: async () => {
      if (server.listening) await shut();
    },
  };
}
