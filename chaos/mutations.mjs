// What is done to a good request so that it is none any more: to its value, to its bytes, to how it is sent. Knows no route.
import { gzipSync } from 'node:zlib';
import { pick, wholeBetween } from './random.mjs';

/** @typedef {import('./random.mjs').Random} Random */
/** @typedef {{ headers: Record<string, string>, body: Buffer }} Sent */

const DEEP = { moderately: 40, very: 5_000, absurdly: 100_000 };

const STRANGE_VALUES = /** @type {const} */ ([
  null,
  true,
  '',
  ' ',
  0,
  -1,
  -0,
  0.5,
  1e21,
  -1e308,
  2 ** 31,
  2 ** 53,
  2 ** 63,
  Number.MIN_VALUE,
  [],
  {},
  [[]],
  [null],
  { length: 1e9 },
  'NaN',
  '1e400',
  'null',
  '\u0000',
  'a\u0000b',
  '\ud800',
  'x\udfffy',
  '\u2028\u2029\ufeff',
  '\r\n\r\ndata: [DONE]\r\n\r\n',
  '../../etc/passwd',
  '<|im_start|>system',
  "'; DROP TABLE exchanges; --",
  '\u202e\u0301\u0301',
  '💩'.repeat(1_000),
  'x'.repeat(100_000),
]);

/** Keys that some objects have without being given them. */
const TRAPS = /** @type {const} */ ([
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'then',
  '',
  '\u0000',
  'x'.repeat(1_000),
]);

/** One of its own: another mutation may change it. @param {Random} random */
function strangeValue(random) {
  return structuredClone(pick(random, STRANGE_VALUES));
}

/** Every place in a value: who holds it, and under which key. @param {unknown} value @returns {[any, string | number][]} */
function placesOf(value) {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, child]) => [
    /** @type {[any, string]} */ ([value, key]),
    ...placesOf(child),
  ]);
}

/** @param {Record<string, unknown>} body @param {Random} random @returns {[any, string | number]} */
function placeIn(body, random) {
  const places = placesOf(body);
  return places.length === 0 ? [body, 'prompt'] : pick(random, places);
}

/** @typedef {(body: Record<string, any>, random: Random) => void} ValueMutation */
/** @type {Record<string, ValueMutation>} */
const OF_VALUES = {
  'another value': (body, random) => {
    const [owner, key] = placeIn(body, random);
    owner[key] = strangeValue(random);
  },
  'a missing field': (body, random) => {
    const [owner, key] = placeIn(body, random);
    if (Array.isArray(owner)) owner.splice(Number(key), 1);
    else delete owner[key];
  },
  'an extra field': (body, random) => {
    const [owner] = placeIn(body, random);
    if (!Array.isArray(owner)) owner[`x${wholeBetween(random, 0, 9)}`] = strangeValue(random);
  },
  'a number out of all bounds': (body, random) => {
    const numbers = placesOf(body).filter(([owner, key]) => typeof owner[key] === 'number');
    const [owner, key] = numbers.length === 0 ? [body, 'max_tokens'] : pick(random, numbers);
    owner[key] = pick(random, [-1, -1e9, 1e6, 1e15, 2 ** 63, 1e308, 0.1, -0.1]);
  },
  'a value in a list': (body, random) => {
    const [owner, key] = placeIn(body, random);
    owner[key] = [owner[key]];
  },
  'a long list': (body, random) => {
    const [owner, key] = placeIn(body, random);
    owner[key] = Array.from({ length: wholeBetween(random, 500, 5_000) }, () => owner[key]).slice(0, 3_000);
    if (JSON.stringify(owner[key]).length > 2e6) owner[key] = [];
  },
  'a trap for objects': (body, random) => {
    const [owner] = placeIn(body, random);
    Object.defineProperty(owner, pick(random, TRAPS), {
      value: pick(random, [() => ({ isAdmin: true }), () => ({ prototype: {} }), () => 1, () => null])(),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  },
};

/** @typedef {(text: string, random: Random) => string | Buffer} TextMutation */
/** @type {Record<string, TextMutation>} */
const OF_TEXTS = {
  'its end cut off': (text, random) => text.slice(0, wholeBetween(random, 0, Math.max(0, text.length - 1))),
  'a byte exchanged': (text, random) => {
    const bytes = Buffer.from(text);
    if (bytes.length > 0) bytes[wholeBetween(random, 0, bytes.length - 1)] = wholeBetween(random, 0, 255);
    return bytes;
  },
  'bytes that are no UTF-8': (text, random) => {
    const bytes = Buffer.from(pick(random, ['ff', 'c080', 'eda080', 'f4908080', 'e282']), 'hex');
    const at = text.indexOf('"', 1) + 1;
    return Buffer.concat([Buffer.from(text.slice(0, at)), bytes, Buffer.from(text.slice(at))]);
  },
  'half a surrogate pair': text => text.replace(/"(?=[,}\]])/, '\\ud83d"'),
  'a key twice': text => text.replace(/^\{/, () => `{${text.slice(1, -1) || '"prompt":"a"'},`),
  depth: (text, random) => {
    const depth = pick(random, Object.values(DEEP));
    const [open, close] = pick(random, [
      ['[', ']'],
      ['{"a":', '}'],
    ]);
    return `{"deep":${open.repeat(depth)}1${close.repeat(depth)},${text.slice(1)}`;
  },
  'numbers that no number holds': (text, random) =>
    text.replace(/:(?:-?\d[\d.e+-]*|")/, (/** @type {string} */ found) => {
      const number = pick(random, [
        '1e400',
        '-1e400',
        '9'.repeat(5_000),
        '0.'.padEnd(3_000, '3'),
        '-0',
        '1E-999',
      ]);
      return found.endsWith('"') ? `:${number},"x":"` : `:${number}`;
    }),
  'no JSON': (_text, random) =>
    pick(random, [
      '',
      ' ',
      'null',
      '1',
      '"text"',
      '[]',
      'NaN',
      '{,}',
      "{'a':1}",
      '{"a":1}{"b":2}',
      '\ufeff{}',
      '<a/>',
    ]),
  'white space without end': text => `${' '.repeat(900_000)}${text}`,
  'over a mebibyte': text => text.replace(/\}$/, `,"filler":"${'y'.repeat(1_100_000)}"}`),
};

/** @typedef {(sent: Sent, random: Random) => Sent} SendingMutation */
/** @type {Record<string, SendingMutation>} */
const OF_SENDING = {
  'another content type': ({ headers, body }, random) => ({
    body,
    headers: {
      ...headers,
      'Content-Type': pick(random, [
        'text/plain',
        'application/x-www-form-urlencoded',
        'multipart/form-data',
        'multipart/form-data; boundary=x',
        'application/json; charset=utf-16',
        'application/json; charset=utf-7',
        'application/vnd.api+json',
        'application/json;;;',
        '*/*',
        'a'.repeat(5_000),
      ]),
    },
  }),
  'no content type': ({ headers: { 'Content-Type': _type, ...headers }, body }) => ({ headers, body }),
  compressed: ({ headers, body }, random) => ({
    headers: {
      ...headers,
      'Content-Encoding': pick(random, ['gzip', 'br', 'deflate', 'nothing', 'gzip, gzip']),
    },
    body: gzipSync(body),
  }),
  'compressed without saying so': ({ headers, body }) => ({ headers, body: gzipSync(body) }),
  'a strange header': ({ headers, body }, random) => {
    const [name, value] = pick(random, [
      ['X-Request-ID', 'x'.repeat(500)],
      ['X-Request-ID', '../..'],
      ['Accept', 'image/png'],
      ['Accept', ',;q=,'],
      ['__proto__', 'x'],
      ['Idempotency-Key', 'x'.repeat(3_000)],
      ['Authorization', `Bearer ${'x'.repeat(5_000)}`],
      ['X-API-Key', '\u00ff\u00fe'],
      ['X-Forwarded-For', '::ffff:1.2.3.4, nonsense, 999.1.1.1'],
      ['traceparent', '00-zzz-zzz-zz'],
      ['Last-Event-ID', '-1'],
      ['Range', 'bytes=9-1'],
      ['Cookie', '='.repeat(4_000)],
    ]);
    return { headers: { ...headers, [name]: value }, body };
  },
};

/**
 * Does up to three things to a request; none in one of ten.
 * @param {Record<string, unknown>} body @param {Record<string, string>} headers @param {Random} random
 * @returns {Sent & { mutations: string[] }}
 */
export function mutate(body, headers, random) {
  /** @type {string[]} */
  const mutations = [];
  const count = random() < 0.1 ? 0 : wholeBetween(random, 1, 3);
  const copy = structuredClone(body);
  /** @type {string[]} */
  const ofTexts = [];
  /** @type {string[]} */
  const ofSending = [];
  for (let i = 0; i < count; i++) {
    const draw = random();
    if (draw < 0.5) {
      const name = pick(random, Object.keys(OF_VALUES));
      OF_VALUES[name]?.(copy, random);
      mutations.push(name);
    } else if (draw < 0.85) ofTexts.push(pick(random, Object.keys(OF_TEXTS)));
    else ofSending.push(pick(random, Object.keys(OF_SENDING)));
  }
  /** @type {string | Buffer} */
  let text = JSON.stringify(copy);
  for (const name of ofTexts) text = OF_TEXTS[name]?.(String(text), random) ?? text;
  /** @type {Sent} */
  let sent = { headers: { 'Content-Type': 'application/json', ...headers }, body: Buffer.from(text) };
  for (const name of ofSending) sent = OF_SENDING[name]?.(sent, random) ?? sent;
  return { ...sent, mutations: [...mutations, ...ofTexts, ...ofSending] };
}
