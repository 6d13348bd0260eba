// A built gateway as a process of its own: started, looked at from outside, stopped or killed. Needs `npm run build`.
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { request } from 'node:http';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Child } from '../bench/child-process.mjs';
import { cpuSeconds, readTree } from '../bench/process-tree.mjs';
import { copyEmptyVault } from './empty-vault.mjs';

const SERVE = path.join(import.meta.dirname, 'serve.mjs');
const TIMEOUT_MS = 120_000;
const CONSOLE_LINES = 200;
/** /proc/net/tcp's names for states in which a process still holds its end. */
const HELD_STATES = new Set(['01', '08']);

/**
 * @typedef {object} GatewayOptions
 * @property {string} folder of log and data; may be one that a gateway has used before
 * @property {string} [logFile] one in the folder, unless it says otherwise
 * @property {Record<string, unknown>} [plan] of the fake engine
 * @property {string | null} [databaseUrl] null: the embedded one
 * @property {boolean} [hasVault] whether exchanges go into a database; default: yes
 * @property {Record<string, string>} [env]
 * @property {readonly string[]} [args]
 * @property {(line: string) => void} [onLine] of its console
 * @property {readonly string[]} [imports] modules that are loaded before it
 */

/** @type {Set<Gateway>} */
const running = new Set();

export class Gateway {
  folder;
  logFile;
  hasVault;
  #child;
  #url;
  /** @type {string[]} */
  #console = [];
  #modelLoadedAtMs = 0;

  /** @param {GatewayOptions} options */
  constructor({
    folder,
    logFile,
    plan = {},
    databaseUrl = null,
    hasVault = true,
    env = {},
    args = [],
    onLine,
    imports = [],
  }) {
    this.folder = folder;
    this.logFile = logFile ?? path.join(folder, 'log.jsonl');
    this.hasVault = hasVault;
    /** @type {(url: string) => void} */
    let listens = () => {};
    const url = new Promise((/** @type {(url: string) => void} */ resolve) => {
      listens = resolve;
    });
    this.#child = new Child(
      {
        command: process.execPath,
        args: [...imports.flatMap(file => ['--import', file]), SERVE, ...args],
        cwd: folder,
        env: {
          PATH: process.env.PATH,
          HOME: process.env.HOME,
          PORT: '0',
          RATE_LIMIT_ENABLED: 'false',
          MINIVAULT_ENGINE: 'fake',
          MINIVAULT_DATA_DIR: folder,
          MINIVAULT_LOG_FILE: this.logFile,
          MINIVAULT_LANGUAGE: 'english',
          MINIVAULT_VAULT: hasVault ? 'on' : 'off',
          MINIVAULT_FAKE_PLAN: JSON.stringify({ state_dir: folder, ...plan }),
          ...(databaseUrl === null ? {} : { DATABASE_URL: databaseUrl }),
          ...env,
        },
      },
      {
        onLine: line => {
          onLine?.(line);
          this.#console = [...this.#console, line].slice(-CONSOLE_LINES);
          if (line.includes('Python model loaded')) this.#modelLoadedAtMs = performance.now();
          const address = /listens on (http:[^\s"]+)/.exec(line)?.[1];
          if (address !== undefined) listens(address);
        },
      },
    );
    const failed = Promise.race([this.#child.closed, sleep(TIMEOUT_MS, undefined, { ref: false })]).then(
      () => {
        throw new Error(`the gateway did not start: ${this.#child.failure}\n${this.#child.tail}`);
      },
    );
    running.add(this);
    this.#child.closed.then(() => running.delete(this));
    this.#url = Promise.race([url, failed]);
    this.#url.catch(() => {});
  }

  /** Resolves with its address once it listens; rejects when it ends before. */
  get url() {
    return this.#url;
  }

  /** Resolves when its process has ended. */
  get closed() {
    return this.#child.closed;
  }

  /** How it ended; null while it runs. */
  get failure() {
    return this.#child.failure;
  }

  /** The last lines it wrote. */
  get console() {
    return this.#console;
  }

  /** When it last said that its worker is ready; 0 before. */
  get modelLoadedAtMs() {
    return this.#modelLoadedAtMs;
  }

  /** Its process and all that it started. */
  tree() {
    return this.#child.tree();
  }

  /** @throws {Error} when it has ended */
  get pid() {
    const [root] = this.tree();
    if (root === undefined) throw new Error(`the gateway is gone: ${this.#child.failure}`);
    return root.pid;
  }

  /** Processes that it started and that live. */
  get children() {
    return Math.max(0, this.tree().length - 1);
  }

  /** Of its process alone, since its start. */
  get cpuSeconds() {
    return cpuSeconds(this.tree().slice(0, 1));
  }

  /** Of its process alone, now. */
  get residentBytes() {
    return (
      Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))?.[1] ?? 0) * 1024
    );
  }

  /** File descriptors that its process has open. */
  get descriptors() {
    return readdirSync(`/proc/${this.pid}/fd`).length;
  }

  /** Connections of clients that it still holds. */
  async connections() {
    const port = Number(new URL(await this.url).port)
      .toString(16)
      .toUpperCase()
      .padStart(4, '0');
    return ['tcp', 'tcp6']
      .flatMap(name => readFileSync(`/proc/net/${name}`, 'utf8').split('\n').slice(1))
      .map(line => line.trim().split(/\s+/))
      .filter(([, local, , state]) => local?.endsWith(`:${port}`) && HELD_STATES.has(state ?? '')).length;
  }

  /** @returns {Promise<any>} what GET /health says */
  async health() {
    return JSON.parse((await this.get('/health')).body);
  }

  /** @param {string} address @param {Record<string, string>} [headers] @param {string} [method] @returns {Promise<{ status: number, body: string }>} */
  async get(address, headers = {}, method = 'GET') {
    const url = new URL(address, await this.url);
    return new Promise((resolve, reject) => {
      const call = request(url, { method, agent: false, headers }, response => {
        let body = '';
        response.setEncoding('utf8').on('data', chunk => {
          body += chunk;
        });
        response.on('close', () =>
          response.complete
            ? resolve({ status: response.statusCode ?? 0, body })
            : reject(new Error(`${method} ${address} was cut`)),
        );
      });
      call.setTimeout(TIMEOUT_MS, () => call.destroy(new Error(`${method} ${address} got no answer`)));
      call.on('error', reject).end();
    });
  }

  /** Resolves when prompts are answered and the database, where there is one, is ready. */
  async ready() {
    await this.until('ready', ({ worker, vault }) => {
      return worker.state === 'ready' && (!this.hasVault || vault.state === 'ready');
    });
    return this;
  }

  /**
   * @param {string} what for the message @param {(health: any) => boolean | Promise<boolean>} holds
   * @returns {Promise<any>} the health in which it held
   * @throws {Error} when it does not in time
   */
  async until(what, holds, timeoutMs = TIMEOUT_MS) {
    const deadlineMs = performance.now() + timeoutMs;
    for (;;) {
      const health = await this.health();
      if (await holds(health)) return health;
      if (performance.now() > deadlineMs) {
        throw new Error(`the gateway is not ${what}: ${JSON.stringify(health)}`);
      }
      await sleep(25);
    }
  }

  /** @param {NodeJS.Signals} name to its process alone, so that its worker has to notice by itself */
  signal(name) {
    const [root] = this.tree();
    if (root !== undefined) process.kill(root.pid, name);
  }

  /** SIGKILL to its process alone; resolves when it is gone, with what it had started. */
  async kill() {
    const [, ...others] = this.tree();
    this.signal('SIGKILL');
    await this.closed;
    return others;
  }

  /** At once, with all it started. */
  destroy() {
    this.#child.kill();
  }

  /** SIGTERM, and after a grace all that is left is killed. */
  async stop() {
    await this.#child.stop();
  }
}

/**
 * Its database is there, empty, where the folder is new. Does not wait for it to listen.
 * @param {GatewayOptions} options @returns {Promise<Gateway>}
 */
export async function startGateway(options) {
  await mkdir(options.folder, { recursive: true });
  if (options.databaseUrl == null && options.hasVault !== false) {
    await copyEmptyVault(path.join(options.folder, 'vault'));
  }
  return new Gateway(options);
}

/** Whether any of these, read from a tree earlier, lives. @param {readonly { pid: number }[]} processes */
export function anyLives(processes) {
  return processes.some(({ pid }) => readTree(pid).length > 0);
}

/** What a scenario that broke off has left running. @param {string} folder */
export async function destroyGatewaysIn(folder) {
  const left = [...running].filter(gateway => gateway.folder.startsWith(folder));
  for (const gateway of left) gateway.destroy();
  await Promise.all(left.map(({ closed }) => closed));
}
