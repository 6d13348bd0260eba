// A client of the two-step chat: opens its stream, submits a prompt, reads what is said, event by event with its id. May
// leave at any event and come back.
import { request } from 'node:http';

/** @typedef {{ id: string | null, name: string, data: any }} StreamEvent */
/**
 * @typedef {object} EventStream
 * @property {Promise<number>} status
 * @property {Promise<void>} closed by whichever side
 * @property {(how?: 'fin' | 'rst') => void} leave
 */

/**
 * @param {string} url of the gateway @param {string} clientId
 * @param {{ lastEventId?: string | null, onEvent: (event: StreamEvent) => void }} options
 * @returns {EventStream}
 */
export function openEvents(url, clientId, { lastEventId = null, onEvent }) {
  const headers = lastEventId === null ? {} : { 'Last-Event-ID': lastEventId };
  const call = request(new URL(`/api/v1/chat/stream/${clientId}`, url), { agent: false, headers });
  let hasLeft = false;
  /** @type {(status: number) => void} */
  let answered = () => {};
  const status = new Promise((/** @type {(status: number) => void} */ resolve) => {
    answered = resolve;
  });
  const closed = new Promise((/** @type {(value: void) => void} */ resolve) => {
    call.on('close', () => {
      answered(0);
      resolve();
    });
  });
  call.on('error', () => {});
  call.on('response', response => {
    answered(response.statusCode ?? 0);
    let pending = '';
    response.setEncoding('utf8').on('data', chunk => {
      const records = (pending + chunk).split('\n\n');
      pending = records.pop() ?? '';
      for (const record of records) {
        const event = hasLeft ? null : parseRecord(record);
        if (event !== null) onEvent(event);
      }
    });
    response.on('error', () => {});
  });
  call.end();
  return {
    status,
    closed,
    leave: (how = 'fin') => {
      hasLeft = true;
      if (how === 'rst') call.socket?.resetAndDestroy();
      call.destroy();
    },
  };
}

/** @param {string} record @returns {StreamEvent | null} null for a comment and what else has no data */
function parseRecord(record) {
  /** @type {Record<string, string>} */
  const fields = {};
  for (const line of record.split('\n')) {
    const colon = line.indexOf(': ');
    if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 2);
  }
  const { id = null, event = 'message', data } = fields;
  return data === undefined ? null : { id, name: event, data: JSON.parse(data) };
}

/**
 * @param {string} url @param {Record<string, unknown>} body with `prompt` and `client_id`
 * @returns {Promise<{ status: number, headers: import('node:http').IncomingHttpHeaders }>}
 */
export function submit(url, body) {
  return new Promise((resolve, reject) => {
    const call = request(
      new URL('/api/v1/chat/submit', url),
      { method: 'POST', agent: false, headers: { 'Content-Type': 'application/json' } },
      response => {
        response.resume().on('error', reject);
        response.on('close', () => resolve({ status: response.statusCode ?? 0, headers: response.headers }));
      },
    );
    call.on('error', reject).end(JSON.stringify(body));
  });
}

/**
 * As `ask` of client.mjs does it, for this dialect, whose answer is of two requests.
 * @param {string} url @param {import('./ledger.mjs').Ledger} ledger
 * @param {{ tokens: number, leaveAfterPieces?: number, leaveBy?: 'fin' | 'rst', onText?: () => void }} options
 * @returns {Promise<import('./ledger.mjs').Entry>}
 */
export async function askTwoStep(url, ledger, { tokens, leaveAfterPieces, leaveBy = 'fin', onText }) {
  const entry = ledger.open({ dialect: 'job-sse', words: tokens });
  const stream = openEvents(url, `c-${entry.nonce}`, {
    onEvent: ({ name, data }) => {
      if (name === 'token') {
        const nowMs = performance.now();
        entry.text += data.text;
        entry.pieces += 1;
        entry.firstTextAtMs ??= nowMs;
        entry.lastTextAtMs = nowMs;
        onText?.();
        if (entry.pieces === leaveAfterPieces) leave();
      } else if (name === 'done' || name === 'error') {
        entry.terminals.push(name === 'done' ? `done: ${data.done_reason}` : `error: ${data.error.code}`);
        entry.code = data.error?.code ?? null;
        entry.outcome = name === 'done' ? 'completed' : 'failed';
        stream.leave();
      }
    },
  });
  const leave = () => {
    entry.outcome = 'left';
    entry.endedAtMs = performance.now();
    stream.leave(leaveBy);
  };
  entry.status = await stream.status;
  if (entry.status === 200) {
    const { status, headers } = await submit(url, {
      prompt: entry.prompt,
      client_id: `c-${entry.nonce}`,
      max_tokens: tokens,
    });
    entry.status = status;
    const id = headers['x-exchange-id'];
    if (typeof id === 'string') entry.id = id;
    if (leaveAfterPieces === 0 && entry.outcome === 'running') leave();
  }
  await stream.closed;
  entry.endedAtMs ??= performance.now();
  if (entry.outcome === 'running') entry.outcome = entry.status >= 400 ? 'refused' : 'cut';
  return entry;
}
