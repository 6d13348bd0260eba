// Streams of text over HTTP, in the two formats that the measured servers speak. Notes when each piece of text came.
import { Agent, request } from 'node:http';

/** @typedef {'generate' | 'openai'} Dialect */
/** @typedef {{ role: string, content: string }} Message */
/**
 * @typedef {object} Stream What became of one prompt.
 * @property {number[]} times ms since the load began, one for each piece of text
 * @property {string} text
 * @property {number | null} tokens as the server counted them; null when it did not, or the stream was cut
 * @property {boolean} isCut its time was over before its end
 */
/** @typedef {{ model: string, messages: readonly Message[], maxTokens: number }} Question model: as the server knows it */

const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });

/**
 * @param {Dialect} dialect @param {Question} question
 * @returns {{ path: string, body: object }} greedy, without penalties
 */
function toRequest(dialect, { model, messages, maxTokens }) {
  if (dialect === 'openai') {
    const body = { model, messages, max_tokens: maxTokens, temperature: 0, stream: true };
    return { path: '/v1/chat/completions', body };
  }
  const prompt = messages.at(-1)?.content;
  return {
    path: '/generate',
    body: { prompt, max_tokens: maxTokens, temperature: 0, repetition_penalty: 1 },
  };
}

/**
 * One line of a stream. Both formats are one JSON object a line, the OpenAI one behind `data: `.
 * @param {string} line
 * @returns {{ text: string, tokens?: number, isEnd: boolean }}
 * @throws {Error} with what the server says went wrong
 */
export function parseLine(line) {
  const json = line.startsWith('data: ') ? line.slice(6) : line;
  if (json.startsWith(':') || json.trim() === '') return { text: '', isEnd: false };
  if (json === '[DONE]') return { text: '', isEnd: true };
  const value = JSON.parse(json);
  if (value.error) throw new Error(`the server answered ${JSON.stringify(value.error)}`);
  const choice = value.choices?.[0];
  const text = value.response ?? choice?.delta?.content ?? '';
  const tokens = value.usage?.completion_tokens;
  const isEnd = value.done === true || (choice?.finish_reason ?? null) !== null;
  return tokens === undefined ? { text, isEnd } : { text, tokens, isEnd };
}

/**
 * Asks one question and reads the answer to its end, or until `signal` cuts it.
 * @param {{ url: string, dialect: Dialect, question: Question, beganMs: number, signal: AbortSignal, onText?: () => void }} ask
 * @returns {Promise<Stream>}
 * @throws {Error} when the server refuses, fails or breaks the stream
 */
export function readStream({ url, dialect, question, beganMs, signal, onText }) {
  const { path, body } = toRequest(dialect, question);
  return new Promise((resolve, reject) => {
    /** @type {Stream} */
    const stream = { times: [], text: '', tokens: null, isCut: false };
    let hasEnded = false;
    let rest = '';
    /** @param {unknown} error */
    const fail = error => {
      if (signal.aborted) resolve({ ...stream, tokens: hasEnded ? stream.tokens : null, isCut: !hasEnded });
      else reject(error);
    };
    const sent = request(
      new URL(path, url),
      { method: 'POST', agent, signal, headers: { 'Content-Type': 'application/json' } },
      response => {
        response.setEncoding('utf8');
        response.on('data', chunk => {
          const nowMs = performance.now() - beganMs;
          const lines = (rest + chunk).split('\n');
          rest = lines.pop() ?? '';
          try {
            for (const line of lines) {
              const { text, tokens, isEnd } = parseLine(line);
              hasEnded ||= isEnd;
              stream.tokens = tokens ?? stream.tokens;
              if (text === '') continue;
              stream.times.push(nowMs);
              stream.text += text;
              onText?.();
            }
          } catch (error) {
            response.destroy();
            reject(error);
          }
        });
        response.on('error', fail);
        response.on('end', () => {
          if (response.statusCode !== 200) {
            reject(new Error(`the server answered ${response.statusCode} ${rest.slice(0, 200)}`));
          } else if (hasEnded) resolve(stream);
          else fail(new Error('a stream broke off'));
        });
      },
    );
    sent.on('error', fail);
    sent.end(JSON.stringify(body));
  });
}
