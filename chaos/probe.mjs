// Loaded into a gateway by NODE_OPTIONS, beside its own code: collects garbage when asked over a socket, and tells what
// is left. The product has no such door.
import { createServer } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { isMainThread } from 'node:worker_threads';

const { CHAOS_PROBE } = process.env;

if (CHAOS_PROBE !== undefined && isMainThread && process.argv[1]?.endsWith('serve.mjs')) {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc');
  const server = createServer(async socket => {
    // What finalizers and ended sockets hold on to goes in the next rounds.
    for (let round = 0; round < 4; round++) {
      collect();
      await new Promise(resolve => setTimeout(resolve, 20));
    }
    const { heapUsed, rss, external } = process.memoryUsage();
    const listeners = process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0);
    socket.on('error', () => {}).end(JSON.stringify({ heapUsed, rss, external, listeners }));
  });
  server.listen(CHAOS_PROBE).unref();
}
