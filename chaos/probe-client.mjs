// Asks the probe in a gateway (probe.mjs) what is left of its memory after garbage is collected.
import { connect } from 'node:net';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

/** @typedef {{ heapUsed: number, rss: number, external: number, listeners: number }} Probed bytes, but for the listeners */

/** Settings of a gateway that is to have one. @param {string} folder the gateway's */
export function probeEnvironment(folder) {
  const probe = pathToFileURL(path.join(import.meta.dirname, 'probe.mjs')).href;
  return { NODE_OPTIONS: `--import=${probe}`, CHAOS_PROBE: socketIn(folder) };
}

/** @param {string} folder the gateway's @returns {Promise<Probed>} */
export function probe(folder) {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(socketIn(folder));
    socket.setEncoding('utf8').on('data', chunk => {
      text += chunk;
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(JSON.parse(text)));
  });
}

/** @param {string} folder */
function socketIn(folder) {
  return path.join(folder, 'probe.socket');
}
