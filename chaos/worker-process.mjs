// The worker of a gateway, seen from outside: killed at will, and known by its process when there is a new one.
import { setTimeout as sleep } from 'node:timers/promises';

const TIMEOUT_MS = 120_000;
const POLL_MS = 5;

/** @param {() => boolean | Promise<boolean>} condition @param {string} what for the message @throws {Error} when it does not come true */
export async function until(condition, what, timeoutMs = TIMEOUT_MS, pollMs = POLL_MS) {
  const deadlineMs = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadlineMs) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await sleep(pollMs);
  }
}

export class WorkerProcess {
  #gateway;
  /** @type {Set<number>} */
  #killed = new Set();
  #killedAtMs = 0;

  /** @param {import('./gateway.mjs').Gateway} gateway */
  constructor(gateway) {
    this.#gateway = gateway;
  }

  /** When the last one was killed. */
  get killedAtMs() {
    return this.#killedAtMs;
  }

  /**
   * Waits for one that was not killed yet to be ready.
   * @returns {Promise<number>} when the gateway said so
   */
  async ready() {
    const gateway = this.#gateway;
    const deadlineMs = performance.now() + TIMEOUT_MS;
    for (;;) {
      await until(() => gateway.modelLoadedAtMs > this.#killedAtMs, 'a worker that is ready');
      const readyAtMs = gateway.modelLoadedAtMs;
      const { worker } = await gateway.health();
      if (worker.state === 'ready' && !this.#killed.has(worker.pid)) return readyAtMs;
      // What it said was of the one that was killed that very moment.
      if (performance.now() > deadlineMs) throw new Error(`no worker is ready: ${JSON.stringify(worker)}`);
      await until(() => gateway.modelLoadedAtMs > readyAtMs, 'a worker that is ready');
    }
  }

  /** SIGKILL to the one that runs, or to the next one as soon as it does. */
  async kill() {
    /** @type {number | undefined} */
    let pid;
    await until(() => {
      pid = this.#gateway
        .tree()
        .slice(1)
        .map(facts => facts.pid)
        .find(found => !this.#killed.has(found));
      return pid !== undefined;
    }, 'a worker to kill');
    if (pid === undefined) return;
    this.#killed.add(pid);
    this.#killedAtMs = performance.now();
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It died by itself: the gateway starts another one all the same.
    }
  }
}
