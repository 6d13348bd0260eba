// Bytes to a port and what comes back, for whatever no HTTP client would send. Judges answers, not requests.
import { connect } from 'node:net';

/**
 * @typedef {object} RawExchange
 * @property {Buffer} received
 * @property {boolean} isClosed by the other side
 * @property {boolean} isReset
 * @property {number} ms from the last byte sent to the end, or to the last whole answer
 */
/** @typedef {{ status: number, headers: Record<string, string>, body: string }} RawAnswer */

/**
 * Resolves when the other side has closed, when what came are at least so many whole answers, or when nothing came for
 * as long as it may.
 * @param {number} port @param {Buffer} bytes
 * @param {{ answers?: number, halfClose?: boolean, isHead?: boolean, patienceMs: number }} options
 * @returns {Promise<RawExchange>}
 */
export function exchange(port, bytes, { answers = 1, halfClose = false, isHead = false, patienceMs }) {
  return new Promise(resolve => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    let received = Buffer.alloc(0);
    let isReset = false;
    let sentAtMs = performance.now();
    const end = (/** @type {boolean} */ isClosed) => {
      clearTimeout(patience);
      socket.removeAllListeners().on('error', () => {});
      socket.destroy();
      resolve({ received, isClosed, isReset, ms: performance.now() - sentAtMs });
    };
    const patience = setTimeout(() => end(false), patienceMs);
    socket.on('data', chunk => {
      received = Buffer.concat([received, chunk]);
      if (readAnswers(received, { isHead }).answers.length >= answers) end(false);
    });
    socket.on('end', () => end(true));
    socket.on('error', () => {
      isReset = true;
    });
    socket.on('close', () => end(true));
    socket.write(bytes, () => {
      sentAtMs = performance.now();
      if (halfClose) socket.end();
    });
  });
}

/**
 * The whole answers at the beginning, those that only announce one left out, and what is behind them.
 * @param {Buffer} received @param {{ isHead?: boolean }} [options] the answers of HEAD have no bodies
 * @returns {{ answers: RawAnswer[], rest: string }}
 */
export function readAnswers(received, { isHead = false } = {}) {
  /** @type {RawAnswer[]} */
  const answers = [];
  let rest = received.toString('latin1');
  for (;;) {
    const headEnd = rest.indexOf('\r\n\r\n');
    const [, status] = /^HTTP\/1\.1 (\d{3}) /.exec(rest) ?? [];
    if (headEnd < 0 || status === undefined) return { answers, rest };
    const lines = rest.slice(0, headEnd).split('\r\n').slice(1);
    const headers = Object.fromEntries(
      lines.map(line => [
        line.slice(0, line.indexOf(':')).toLowerCase(),
        line.slice(line.indexOf(':') + 1).trim(),
      ]),
    );
    const behind = rest.slice(headEnd + 4);
    const hasNoBody = isHead || status.startsWith('1') || status === '204' || status === '304';
    const body = hasNoBody ? { text: '', length: 0 } : readBody(headers, behind);
    if (body === null) return { answers, rest };
    if (!status.startsWith('1')) answers.push({ status: Number(status), headers, body: body.text });
    rest = behind.slice(body.length);
  }
}

/** @param {Record<string, string>} headers @param {string} behind @returns {{ text: string, length: number } | null} null: it has not all come */
function readBody(headers, behind) {
  if (headers['transfer-encoding'] === 'chunked') {
    let text = '';
    let at = 0;
    for (;;) {
      const lineEnd = behind.indexOf('\r\n', at);
      if (lineEnd < 0) return null;
      const size = Number.parseInt(behind.slice(at, lineEnd), 16);
      at = lineEnd + 2 + size + 2;
      if (behind.length < at) return null;
      if (size === 0) return { text, length: at };
      text += behind.slice(lineEnd + 2, at - 2);
    }
  }
  const length = Number(headers['content-length'] ?? 0);
  return behind.length < length ? null : { text: behind.slice(0, length), length };
}

/**
 * What is wrong with an answer to something that was wrong itself; null when nothing is.
 * @param {RawAnswer} answer @param {{ isHead?: boolean }} [options]
 */
export function faultOf({ status, headers, body }, { isHead = false } = {}) {
  if (status >= 500) return `${status}: ${body.slice(0, 300)}`;
  if (status < 400) return null;
  if (!headers['x-request-id']) return `${status} without a request id`;
  if (isHead) return null;
  if (!headers['content-type']?.startsWith('application/json'))
    return `${status} as ${headers['content-type']}`;
  try {
    return typeof JSON.parse(Buffer.from(body, 'latin1').toString()).error === 'undefined'
      ? `${status} without an error`
      : null;
  } catch {
    return `${status} without JSON: ${body.slice(0, 100)}`;
  }
}
