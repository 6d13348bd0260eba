// Programs that set-up runs: each in a process group of its own, so that nothing of it outlives set-up.
import { spawn } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const TAIL_CHARS = 64 * 1024;
const STOP_GRACE_MS = 500;
const POLL_MS = 20;
const HAS_GROUPS = process.platform !== 'win32';

/** @typedef {{code: number | null, signal: string | null, output: string}} ChildResult */
/**
 * @typedef {object} ChildOptions
 * @property {string} [cwd]
 * @property {NodeJS.ProcessEnv} [env]
 * @property {string} [logFile] gets all output; replaced by each run
 * @property {(line: string) => void} [onLine] each line of output
 * @property {(pid: number) => void} [onSpawn]
 * @property {'pipe' | 'inherit'} [output] `inherit` shows it as it is and keeps none
 * @property {number} [timeoutMs] after which it is killed; none by default
 */

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();
let stopped = false;

/**
 * Runs a program to its end. `output` in the result is the tail of stdout and stderr together.
 * Rejects when it cannot be started (ENOENT and the like), never because it failed. Never settles after stopChildren().
 * @param {string} command
 * @param {readonly string[]} args
 * @param {ChildOptions} [options]
 * @returns {Promise<ChildResult>}
 */
export function runChild(command, args, options = {}) {
  const { cwd, env = process.env, logFile, onLine, onSpawn, output: mode = 'pipe', timeoutMs } = options;
  return new Promise((resolve, reject) => {
    if (stopped) return;
    const log = logFile === undefined ? null : openSync(logFile, 'w');
    const child = spawn(command, args, {
      cwd,
      env,
      stdio: ['ignore', mode, mode],
      detached: HAS_GROUPS,
      windowsHide: true,
    });
    running.add(child);
    if (child.pid !== undefined) onSpawn?.(child.pid);
    const timer = timeoutMs === undefined ? null : setTimeout(() => signalGroup(child, 'SIGKILL'), timeoutMs);
    let output = '';
    let line = '';
    /** @param {string} text */
    const take = text => {
      if (log !== null) writeLog(log, text);
      output = (output + text).slice(-TAIL_CHARS);
      const lines = (line + text).split(/[\r\n]+/);
      line = lines.pop() ?? '';
      for (const whole of lines) if (whole.trim() !== '') onLine?.(whole);
    };
    for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', take);
    const end = () => {
      running.delete(child);
      if (timer !== null) clearTimeout(timer);
      if (log !== null) closeSync(log);
    };
    child.once('error', error => {
      end();
      if (!stopped) reject(error);
    });
    child.once('close', (code, signal) => {
      end();
      if (!stopped) resolve({ code, signal, output });
    });
  });
}

/**
 * @param {number} log
 * @param {string} text
 */
function writeLog(log, text) {
  try {
    writeSync(log, text);
  } catch {
    // On a full disk the child's own words, kept in memory, are what names the fault.
  }
}

/** The end of all children, with their descendants and for good: the unwilling get SIGKILL after half a second. */
export async function stopChildren() {
  stopped = true;
  await Promise.all(
    [...running].map(async child => {
      signalGroup(child, 'SIGTERM');
      for (let waitedMs = 0; waitedMs < STOP_GRACE_MS && signalGroup(child, 0); waitedMs += POLL_MS) {
        await sleep(POLL_MS);
      }
      signalGroup(child, 'SIGKILL');
    }),
  );
}

/**
 * @param {{pid?: number | undefined}} leader
 * @param {NodeJS.Signals | 0} signal
 * @returns {boolean} whether anybody was there
 */
export function signalGroup({ pid }, signal) {
  if (pid === undefined) return false;
  try {
    return process.kill(HAS_GROUPS ? -pid : pid, signal);
  } catch {
    return false;
  }
}
