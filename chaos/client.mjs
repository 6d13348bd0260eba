// A client that keeps account: one request, read record by record, with all that was seen of it in the ledger. It may
// leave at any moment, and waits for nothing longer than it is told to.
import { request } from 'node:http';
import { NONCE } from './ledger.mjs';

const PATIENCE_MS = 120_000;
/** How plain text ends: it has no word for a failure, so a broken connection is one. */
const CLOSED = 'done: closed';
export const BROKEN = 'error: broken';

/** @typedef {import('./ledger.mjs').Entry} Entry */
/** @typedef {import('./dialects.mjs').Dialect} Dialect */
/**
 * @typedef {object} AskOptions
 * @property {Dialect} dialect
 * @property {number} [tokens] that it asks for
 * @property {number | null} [words] that a whole answer has; the number of tokens, unless it says otherwise
 * @property {import('./ledger.mjs').Expects} [expects] an echo, unless it says otherwise
 * @property {string} [prompt] what follows the nonce
 * @property {boolean} [isBare] without a nonce
 * @property {Record<string, string>} [headers]
 * @property {(entry: Entry) => Record<string, unknown>} [fields] of the body, beside those of the dialect
 * @property {import('node:http').Agent | false} [agent] false: a connection of its own
 * @property {string} [localAddress] that it calls from
 * @property {number} [leaveAfterPieces] breaks the connection at that piece of text; 0: as soon as it has a status
 * @property {'fin' | 'rst'} [leaveBy]
 * @property {AbortSignal} [signal] breaks the connection, whatever came so far
 * @property {number} [patienceMs] longest silence that it bears
 * @property {(entry: Entry) => void} [onText] after every piece
 */

/**
 * Resolves with the entry, never rejects: whatever happens is an outcome.
 * @param {string} url of the gateway @param {import('./ledger.mjs').Ledger} ledger @param {AskOptions} options
 * @returns {Promise<Entry>}
 */
export function ask(url, ledger, options) {
  const { dialect, tokens = 16, words = tokens, expects, prompt, isBare } = options;
  const entry = ledger.open({
    dialect: dialect.name,
    words,
    ...(expects === undefined ? {} : { expects }),
    ...(prompt === undefined ? {} : { prompt }),
    ...(isBare === undefined ? {} : { isBare }),
  });
  const body = JSON.stringify({ ...dialect.body(entry.prompt, tokens), ...options.fields?.(entry) });
  return new Promise(resolve => {
    const reader = new AnswerReader(entry, dialect);
    const call = request(new URL(dialect.path, url), {
      method: 'POST',
      agent: options.agent ?? false,
      ...(options.localAddress === undefined ? {} : { localAddress: options.localAddress }),
      headers: { 'Content-Type': 'application/json', ...dialect.headers, ...options.headers },
    });
    let hasLeft = false;
    let hasResponse = false;
    const leave = () => {
      hasLeft = true;
      if (options.leaveBy === 'rst') call.socket?.resetAndDestroy();
      call.destroy();
    };
    const end = (/** @type {boolean} */ isWhole) => {
      options.signal?.removeEventListener('abort', leave);
      if (entry.endedAtMs !== null) return;
      entry.endedAtMs = performance.now();
      // What was on its way to one who has left was not read.
      reader.end(isWhole && !hasLeft);
      entry.outcome = outcomeOf(entry, { isWhole, hasLeft });
      resolve(entry);
    };
    options.signal?.addEventListener('abort', leave, { once: true });
    if (options.signal?.aborted) leave();
    call.setTimeout(options.patienceMs ?? PATIENCE_MS, () => {
      entry.outcome = 'hung';
      call.destroy();
    });
    call.on('error', error => {
      entry.code ??= /** @type {NodeJS.ErrnoException} */ (error).code ?? error.message;
      end(false);
    });
    call.on('close', () => {
      if (!hasResponse) end(false);
    });
    call.on('response', response => {
      hasResponse = true;
      entry.status = response.statusCode ?? null;
      entry.headers = response.headers;
      entry.headersAtMs = performance.now();
      const told = response.headers['x-exchange-id'];
      if (typeof told === 'string') entry.id = told;
      if (options.leaveAfterPieces === 0) leave();
      response.setEncoding('utf8');
      response.on('data', (/** @type {string} */ chunk) => {
        const before = entry.pieces;
        reader.push(chunk);
        if (entry.pieces === before || hasLeft) return;
        options.onText?.(entry);
        if (options.leaveAfterPieces !== undefined && entry.pieces >= options.leaveAfterPieces) leave();
      });
      response.on('error', () => {});
      response.on('close', () => end(response.complete));
    });
    call.end(body);
  });
}

/** @param {Entry} entry @param {{ isWhole: boolean, hasLeft: boolean }} how */
function outcomeOf(entry, { isWhole, hasLeft }) {
  const { status, terminals, code } = entry;
  if (entry.outcome === 'hung') return 'hung';
  if (status !== null && status >= 400 && (isWhole || !hasLeft)) return isWhole ? 'refused' : 'cut';
  // Bare text ends with its connection: of one that it left itself, a client knows no end, though all may have come.
  if (hasLeft && (terminals[0] === BROKEN || terminals[0] === CLOSED)) terminals.pop();
  if (terminals[0]?.startsWith('done')) return 'completed';
  if (terminals[0]?.startsWith('error')) return 'failed';
  if (hasLeft) return 'left';
  return status === null && code === 'ECONNREFUSED' ? 'unreached' : 'cut';
}

/** Records out of chunks, however they are cut. */
class AnswerReader {
  #entry;
  #dialect;
  #pending = '';
  #whole = '';
  /** @type {string | null} */
  #event = null;

  /** @param {Entry} entry @param {Dialect} dialect */
  constructor(entry, dialect) {
    this.#entry = entry;
    this.#dialect = dialect;
  }

  /** @param {string} chunk */
  push(chunk) {
    this.#whole += chunk;
    this.#entry.bytes += Buffer.byteLength(chunk);
    if (this.#isRefusal) return;
    if (this.#dialect.format === 'text') {
      this.#onText(chunk);
      return;
    }
    const lines = (this.#pending + chunk).split('\n');
    this.#pending = lines.pop() ?? '';
    for (const line of lines) this.#onLine(line);
  }

  /** @param {boolean} isWhole */
  end(isWhole) {
    const entry = this.#entry;
    if (this.#isRefusal) entry.code = codeOf(this.#whole);
    else if (this.#dialect.format === 'text' && entry.status !== null) {
      entry.terminals.push(isWhole ? CLOSED : BROKEN);
      if (!isWhole) entry.code = 'broken';
    } else if (this.#pending !== '') entry.code ??= 'half_a_record';
    entry.strays = [...new Set(this.#whole.match(NONCE))].filter(nonce => nonce !== entry.nonce);
    this.#whole = '';
  }

  get #isRefusal() {
    return (this.#entry.status ?? 0) >= 400;
  }

  /** @param {string} line */
  #onLine(line) {
    if (this.#dialect.format === 'ndjson') {
      if (line !== '') this.#onRecord(line);
    } else if (line.startsWith('event: ')) this.#event = line.slice(7);
    else if (line.startsWith('data: ')) {
      // What OpenAI's clients wait for is no record of its own: it stands behind the one that ends the answer.
      if (line !== 'data: [DONE]') this.#onRecord(line.slice(6));
      this.#event = null;
    }
  }

  /** @param {string} json */
  #onRecord(json) {
    const entry = this.#entry;
    try {
      const { text, done, error, id } = this.#dialect.read(JSON.parse(json), this.#event);
      if (text) this.#onText(text);
      if (id !== undefined) entry.id ??= id;
      if (done !== undefined) entry.terminals.push(`done: ${done}`);
      if (error === undefined) return;
      entry.terminals.push(`error: ${error}`);
      entry.code = error;
    } catch {
      entry.terminals.push(`unreadable: ${json.slice(0, 80)}`);
    }
  }

  /** @param {string} text */
  #onText(text) {
    const entry = this.#entry;
    const nowMs = performance.now();
    if (entry.terminals.length > 0) entry.terminals.push('text behind the end');
    entry.text += text;
    entry.pieces += 1;
    entry.firstTextAtMs ??= nowMs;
    entry.longestGapMs = Math.max(entry.longestGapMs, nowMs - (entry.lastTextAtMs ?? nowMs));
    entry.lastTextAtMs = nowMs;
  }
}

/** Of a refusal, in whatever dialect. @param {string} body */
function codeOf(body) {
  try {
    const { code, error } = JSON.parse(body);
    return code ?? error?.code ?? error?.type ?? String(error);
  } catch {
    return `no JSON: ${body.slice(0, 80)}`;
  }
}
