// A Redis of one's own, to be killed, stopped, silenced and started again. Keeps nothing on disk.
import { spawn, spawnSync } from 'node:child_process';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';

const START_TIMEOUT_MS = 20_000;
const FLAGS = ['--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--loglevel', 'warning'];

/** Whether this machine has the program. */
export const hasRedisServer = spawnSync('redis-server', ['--version']).status === 0;

/** @returns {Promise<number>} */
async function freePort() {
  const server = createServer();
  await new Promise(resolve => {
    server.listen(0, '127.0.0.1', () => resolve(null));
  });
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  await new Promise(resolve => server.close(resolve));
  return port;
}

export class RedisServer {
  /** @type {import('node:child_process').ChildProcess | null} */
  #child = null;
  #port;

  /** @param {number} port */
  constructor(port) {
    this.#port = port;
  }

  get url() {
    return `redis://127.0.0.1:${this.#port}`;
  }

  /** Resolves when it answers. @throws {Error} when it does not in time */
  async start() {
    this.#child = spawn('redis-server', [...FLAGS, '--port', String(this.#port)], { stdio: 'ignore' });
    const deadlineMs = performance.now() + START_TIMEOUT_MS;
    while ((await this.ask('PING').catch(() => null)) !== 'PONG') {
      if (performance.now() > deadlineMs) throw new Error(`redis-server did not start on ${this.#port}`);
      await sleep(20);
    }
  }

  /** One command on a connection of its own. @param {string} command @param {(string | number)[]} args @returns {Promise<unknown>} */
  async ask(command, ...args) {
    const client = new Redis(this.url, { lazyConnect: true, retryStrategy: () => null });
    client.on('error', () => {});
    try {
      await client.connect();
      return await client.call(command, args);
    } finally {
      client.disconnect();
    }
  }

  /** It takes connections and commands, and answers nothing, until `resume`. */
  silence() {
    this.#child?.kill('SIGSTOP');
  }

  resume() {
    this.#child?.kill('SIGCONT');
  }

  /** SIGKILL, with all that it held; resolves when it is gone. */
  async kill() {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise(resolve => child.once('close', resolve));
    child.kill('SIGKILL');
    await gone;
  }
}

/** @returns {Promise<RedisServer>} one that answers */
export async function startRedis() {
  const server = new RedisServer(await freePort());
  await server.start();
  return server;
}
