// The other end of fault-shim.mjs: arms a point in a gateway and hears whether it was reached.
import { connect } from 'node:net';

const TIMEOUT_MS = 60_000;

/** @typedef {import('./fault-shim.mjs').Armed} Armed */
/** @typedef {{ calls: Record<'file' | 'database' | 'worker', number>, hit: string | null }} Reached since the last command */

/**
 * @param {string} path of the gateway's socket @param {Armed | null} armed null: nothing fails
 * @returns {Promise<Reached>}
 */
export function arm(path, armed) {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    let answer = '';
    socket.setEncoding('utf8').on('data', text => {
      answer += text;
    });
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error('the shim does not answer')));
    socket.on('error', reject);
    socket.on('end', () => resolve(JSON.parse(answer)));
    socket.write(JSON.stringify(armed));
  });
}
