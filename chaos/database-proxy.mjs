// A way to a PostgreSQL that can be closed, silenced and opened again: the database is away, and nobody else loses it.
import { connect, createServer } from 'node:net';

/**
 * @typedef {object} DatabaseProxy
 * @property {string} url the database's, by way of the proxy
 * @property {() => Promise<void>} shut refuses new connections and breaks those that are open
 * @property {() => void} silence takes connections and passes nothing on, in neither direction
 * @property {() => Promise<void>} open passes everything on again; what was silenced stays so
 * @property {() => number} connections taken and not closed
 * @property {() => Promise<void>} close
 */

/** Open when it resolves. @param {string} url @returns {Promise<DatabaseProxy>} */
export async function openDatabaseProxy(url) {
  const target = new URL(url);
  /** @type {Set<import('node:net').Socket>} */
  const sockets = new Set();
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
  const listen = (/** @type {number} */ at) =>
    new Promise((/** @type {(value?: undefined) => void} */ resolve) => {
      server.listen(at, '127.0.0.1', () => resolve());
    });
  await listen(0);
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  const shut = async () => {
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
