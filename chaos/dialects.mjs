// The streaming answers of the gateway as a client reads them: what to send, and what a record says. Knows no socket.

/**
 * @typedef {object} Told what one record says
 * @property {string} [text]
 * @property {string} [done] the reason, when it ends the answer
 * @property {string} [error] when it ends the answer: the code, or the message where the dialect has no codes
 * @property {string} [id]
 */
/**
 * @typedef {object} Dialect
 * @property {string} name as the log has it
 * @property {'ndjson' | 'sse' | 'text'} format `text` has no records: a clean end is the end
 * @property {string} path
 * @property {Record<string, string>} headers
 * @property {(prompt: string, tokens: number) => Record<string, unknown>} body
 * @property {(record: any, event: string | null) => Told} read
 */

/** @param {string} content */
const messages = content => [{ role: 'user', content }];

/** @type {Dialect} */
export const SIMPLE_NDJSON = {
  name: 'simple-ndjson',
  format: 'ndjson',
  path: '/generate',
  headers: { Accept: 'application/x-ndjson' },
  body: (prompt, tokens) => ({ prompt, max_tokens: tokens }),
  read: ({ response, done, done_reason: reason, id, error }) => ({
    text: response,
    ...(id === undefined ? {} : { id }),
    ...(done !== true ? {} : reason === 'error' ? { error: error.code } : { done: reason }),
  }),
};

/** @type {Dialect} */
export const PLAIN_TEXT = {
  ...SIMPLE_NDJSON,
  name: 'plain-text',
  format: 'text',
  headers: { Accept: 'text/plain' },
};

/** @type {Dialect} */
export const SIMPLE_SSE = {
  name: 'simple-sse',
  format: 'sse',
  path: '/api/v1/chat',
  headers: {},
  body: (prompt, tokens) => ({ messages: messages(prompt), stream: true, max_tokens: tokens }),
  read: ({ content, done_reason: reason, id, error }) => ({
    text: content,
    ...(id === undefined ? {} : { id }),
    ...(error === undefined ? {} : { error: error.code }),
    ...(reason === undefined ? {} : { done: reason }),
  }),
};

/** @type {Dialect} */
export const OPENAI_CHAT = {
  name: 'openai-chat',
  format: 'sse',
  path: '/v1/chat/completions',
  headers: {},
  body: (prompt, tokens) => ({ model: 'fake', messages: messages(prompt), stream: true, max_tokens: tokens }),
  read: ({ choices, id, error }) => {
    if (error !== undefined) return { error: error.code };
    const [choice] = choices;
    return {
      id: id.replace(/^\w+-/, ''),
      text: choice?.delta?.content ?? '',
      ...(choice?.finish_reason ? { done: choice.finish_reason } : {}),
    };
  },
};

/** @type {Dialect} */
export const OPENAI_COMPLETIONS = {
  ...OPENAI_CHAT,
  name: 'openai-completions',
  path: '/v1/completions',
  body: (prompt, tokens) => ({ model: 'fake', prompt, stream: true, max_tokens: tokens }),
  read: ({ choices, id, error }) => {
    if (error !== undefined) return { error: error.code };
    const [choice] = choices;
    return {
      id: id.replace(/^\w+-/, ''),
      text: choice?.text ?? '',
      ...(choice?.finish_reason ? { done: choice.finish_reason } : {}),
    };
  },
};

/** @type {Dialect} */
export const OLLAMA_GENERATE = {
  name: 'ollama-generate',
  format: 'ndjson',
  path: '/api/generate',
  headers: {},
  body: (prompt, tokens) => ({ model: 'fake', prompt, options: { num_predict: tokens } }),
  read: ({ response = '', done, done_reason: reason, error }) => ({
    text: response,
    ...(error === undefined ? {} : { error }),
    ...(done === true ? { done: reason } : {}),
  }),
};

/** @type {Dialect} */
export const OLLAMA_CHAT = {
  ...OLLAMA_GENERATE,
  name: 'ollama-chat',
  path: '/api/chat',
  body: (prompt, tokens) => ({ model: 'fake', messages: messages(prompt), options: { num_predict: tokens } }),
  read: ({ message, done, done_reason: reason, error }) => ({
    text: message?.content ?? '',
    ...(error === undefined ? {} : { error }),
    ...(done === true ? { done: reason } : {}),
  }),
};

/** @type {Dialect} */
export const ANTHROPIC = {
  name: 'anthropic-messages',
  format: 'sse',
  path: '/v1/messages',
  headers: { 'anthropic-version': '2023-06-01' },
  body: (prompt, tokens) => ({ model: 'fake', messages: messages(prompt), stream: true, max_tokens: tokens }),
  read: ({ type, delta, message, error }) => {
    if (type === 'error') return { error: `${error.type}: ${error.message}` };
    if (type === 'message_start') return { id: message.id.replace(/^msg_/, '') };
    if (type === 'content_block_delta') return { text: delta.text };
    return type === 'message_delta' ? { done: delta.stop_reason } : {};
  },
};

/** @type {Dialect} */
export const OPENAI_RESPONSES = {
  name: 'openai-responses',
  format: 'sse',
  path: '/v1/responses',
  headers: {},
  body: (prompt, tokens) => ({
    model: 'fake',
    input: prompt,
    stream: true,
    store: false,
    max_output_tokens: tokens,
  }),
  read: ({ type, delta, response }) => {
    if (type === 'response.output_text.delta') return { text: delta };
    if (type === 'response.failed') {
      return { error: `${response.error.code}: ${response.error.message}` };
    }
    if (type === 'response.completed' || type === 'response.incomplete') return { done: response.status };
    return {};
  },
};

/** @type {Dialect} */
export const STREAM_TEXT = { ...PLAIN_TEXT, name: 'stream-text', path: '/stream', headers: {} };

/** @type {Dialect} */
export const STREAM_OPENAI = {
  ...OPENAI_CHAT,
  name: 'stream-openai',
  path: '/stream?stream_format=openai',
  body: SIMPLE_NDJSON.body,
};

/** @type {readonly Dialect[]} */
export const DIALECTS = [
  SIMPLE_NDJSON,
  PLAIN_TEXT,
  SIMPLE_SSE,
  OPENAI_CHAT,
  OPENAI_COMPLETIONS,
  OLLAMA_GENERATE,
  OLLAMA_CHAT,
  ANTHROPIC,
  OPENAI_RESPONSES,
  STREAM_TEXT,
  STREAM_OPENAI,
];
