// Programs of the benchmark: each in a process group of its own, none of which outlives it.
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { cpuSeconds, killRemaining, peakResidentBytes, readTree } from './process-tree.mjs';

const STOP_GRACE_MS = 6_000;
const TAIL_CHARS = 4_000;
const IDLE_SAMPLE_MS = 250;
const IDLE_SHARE = 0.15;

/** @typedef {{ command: string, args: readonly string[], env: NodeJS.ProcessEnv, cwd: string }} Program */

/** @type {Set<Child>} */
const running = new Set();
process.once('exit', () => {
  for (const child of running) child.kill();
});

export class Child {
  #process;
  #tail = '';
  #closed;
  /** @type {string | null} */
  #failure = null;

  /** @param {Program} program @param {{ pipeInput?: boolean, onLine?: (line: string) => void }} [options] */
  constructor({ command, args, env, cwd }, { pipeInput = false, onLine } = {}) {
    this.#process = spawn(command, args, {
      env,
      cwd,
      detached: true,
      stdio: [pipeInput ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    });
    running.add(this);
    let line = '';
    this.#process.stdout?.setEncoding('utf8').on('data', text => {
      if (onLine === undefined) this.#keep(text);
      const lines = (line + text).split('\n');
      line = lines.pop() ?? '';
      for (const whole of lines) onLine?.(whole);
    });
    this.#process.stderr?.setEncoding('utf8').on('data', text => this.#keep(text));
    // A program that has ended says why by its exit, not by its pipe.
    this.#process.stdin?.on('error', () => {});
    this.#closed = new Promise(resolve => {
      this.#process.once('error', error => {
        this.#failure = error.message;
        resolve(undefined);
      });
      this.#process.once('close', (code, signal) => {
        this.#failure ??= `it ended with ${signal ?? `exit code ${code}`}: ${this.lastLine()}`;
        resolve(undefined);
      });
    }).then(() => running.delete(this));
  }

  /** @param {string} text */
  #keep(text) {
    this.#tail = (this.#tail + text).slice(-TAIL_CHARS);
  }

  /** The last thing it said that is no progress bar. */
  lastLine() {
    const lines = this.#tail.split(/[\r\n]+/).filter(line => line.trim() !== '');
    return lines.at(-1)?.trim() ?? 'it said nothing';
  }

  /** The last of what it wrote to stderr, and to stdout where nobody else reads that. */
  get tail() {
    return this.#tail;
  }

  /** Why it ended; null while it runs. */
  get failure() {
    return this.#failure;
  }

  /** Resolves when it has ended. */
  get closed() {
    return this.#closed;
  }

  /** @param {string} text */
  write(text) {
    this.#process.stdin?.write(text);
  }

  tree() {
    return this.#process.pid === undefined ? [] : readTree(this.#process.pid);
  }

  peakBytes() {
    return peakResidentBytes(this.tree());
  }

  /**
   * Whether it came to rest: it uses next to no CPU any more.
   * @param {number} limitMs
   */
  async settles(limitMs) {
    for (let waitedMs = 0; waitedMs < limitMs; waitedMs += IDLE_SAMPLE_MS) {
      const before = cpuSeconds(this.tree());
      await sleep(IDLE_SAMPLE_MS);
      if (cpuSeconds(this.tree()) - before < (IDLE_SHARE * IDLE_SAMPLE_MS) / 1000) return true;
    }
    return false;
  }

  /** At once, with all it started. */
  kill() {
    const { pid } = this.#process;
    if (pid === undefined) return;
    const tree = this.tree();
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // Nobody is left in its group.
    }
    killRemaining(tree);
  }

  /** Asks it to end, then kills what is left of it. */
  async stop() {
    const tree = this.tree();
    this.#process.stdin?.end();
    this.#process.kill('SIGTERM');
    await Promise.race([this.#closed, sleep(STOP_GRACE_MS, undefined, { ref: false })]);
    this.kill();
    killRemaining(tree);
    await Promise.race([this.#closed, sleep(STOP_GRACE_MS, undefined, { ref: false })]);
  }
}
