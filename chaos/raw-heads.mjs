// Heads of requests that no HTTP client sends: ambiguous, broken, huge, foreign, cut off. Knows no answer.
import { pick, wholeBetween } from './random.mjs';

/** @typedef {import('./random.mjs').Random} Random */
/** @typedef {{ family: string, bytes: Buffer, isCut: boolean }} RawHead `isCut`: more would have to come */

const CRLF = '\r\n';
const HOST = `Host: localhost${CRLF}`;
const BODY = '{"prompt":"raw"}';
const JSON_TYPE = `Content-Type: application/json${CRLF}`;

/** @param {string} headers @param {string} body @param {string} [start] */
function message(headers, body = '', start = 'POST /generate HTTP/1.1') {
  return `${start}${CRLF}${HOST}${JSON_TYPE}${headers}${CRLF}${body}`;
}

const CHUNKED = `10${CRLF}${BODY}${CRLF}0${CRLF}${CRLF}`;
const LENGTH = `Content-Length: ${BODY.length}${CRLF}`;

/** @param {Random} random */
function randomBytes(random, most = 400) {
  return Buffer.from(
    Array.from({ length: wholeBetween(random, 1, most) }, () => wholeBetween(random, 0, 255)),
  );
}

const ENCODINGS = [
  'chunked',
  ' chunked',
  'chunked ',
  'Chunked',
  'xchunked',
  'chunked, identity',
  'identity',
  'identity, chunked',
  'gzip, chunked',
  '"chunked"',
  'chunked\u000b',
  'chu\u0000nked',
  ',chunked',
  'chunked,',
  '',
];
const NAMES = [
  'Transfer-Encoding:',
  'Transfer-Encoding :',
  ' Transfer-Encoding:',
  'Transfer-Encoding\t:',
  'Transfer_Encoding:',
  'transfer-encoding:',
  'X: y\nTransfer-Encoding:',
  'X: y\rTransfer-Encoding:',
];
const LENGTHS = [
  '+16',
  '-1',
  '0x10',
  '16, 16',
  '1e1',
  ' 16 ',
  '016',
  '16\u0000',
  '',
  '99999999999999999999',
  '1.6',
  '16;',
];
const SIZES = [
  'zz',
  '-1',
  '0x10',
  '10 ',
  ' 10',
  '+10',
  'FFFFFFFFFFFFFFFFFF',
  '10;x',
  `10;${'e'.repeat(20_000)}`,
  '',
  '1_0',
  '10\u0000',
  '0010',
];
const ENDS = [CRLF, '\n', '\r', '\r\r\n', ''];
const METHODS = [
  'FOO',
  'get',
  'GET GET',
  'TRACE',
  'CONNECT',
  'PROPFIND',
  'PUT',
  'DELETE',
  'PATCH',
  'HEAD',
  'OPTIONS',
  'PURGE',
  '\u0000GET',
  '',
  'G'.repeat(9_000),
  'QUERY',
  'M-SEARCH',
];
const PATHS = [
  '*',
  '//',
  '/..',
  '/../../etc/passwd',
  '/%2e%2e/%2e%2e/etc/passwd',
  '/%',
  '/%00',
  '/generate/',
  '/GENERATE',
  '/generate%0d%0aX:y',
  'generate',
  'http://localhost/generate',
  'http://evil.example/generate',
  'localhost:80',
  '/\u00ff\u00fe',
  `/${'a'.repeat(15_000)}`,
  '/?',
  '/?a[b][c]=1&a[__proto__]=2',
  '/history/%ff',
  '/v1/models/%F0%28',
  '/docs/..%2f..%2fpackage.json',
  '/docs/%5c..',
  ' ',
  '/ /',
  '/#x',
  '/;x',
  '/history?limit=1e9',
  '/history?limit=-1',
  '/search?q=%00',
  '/search?q=%22%27(',
  '/history?before=x',
  '/api/v1/chat/stream/%00',
  '/history/export?format=csv&before=x',
];
const VERSIONS = [
  'HTTP/1.0',
  'HTTP/0.9',
  'HTTP/1.2',
  'HTTP/2.0',
  'HTTP/3',
  'http/1.1',
  'HTTP/1.1 ',
  'HTTP/11',
  'HTTPS/1.1',
  'HTTP/a.b',
  '',
];
const STRANGE_HEADERS = [
  '__proto__: x',
  'constructor: x',
  ': x',
  'no colon',
  'A B: x',
  'A\u0000: x',
  'A: \u0000',
  'A: \u007f',
  'A: \u00ff',
  'A:',
  '\tA: x',
  'A\u00e9: x',
  'Expect: 100-continue',
  'Expect: nonsense',
  'Upgrade: websocket\r\nConnection: Upgrade',
  'Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAA',
  'Connection: close, keep-alive, Transfer-Encoding',
  'Keep-Alive: timeout=99999',
  'Trailer: Content-Length',
  'TE: trailers',
  'Content-Type: text/plain',
  'Content-Encoding: gzip',
  'Range: bytes=0-',
  'If-None-Match: *',
  'X-HTTP-Method-Override: DELETE',
  'X-Original-URL: /health',
  'Accept: \u00ff',
  'Authorization: Basic eDp5',
  'Cookie: a=b; __proto__=c',
];
const FOREIGN = [
  Buffer.from('16030100a5010000a10303', 'hex'),
  Buffer.from('1603010200010001fc0303'.padEnd(600, '5a'), 'hex'),
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  Buffer.from('SSH-2.0-OpenSSH_9.6\r\n'),
  Buffer.from('*1\r\n$4\r\nPING\r\n'),
  Buffer.from('EHLO localhost\r\n'),
  Buffer.from('GET /\r\n\r\n'),
  Buffer.from('GET /livez\r\n'),
  Buffer.from('0000003b'.padEnd(120, '00'), 'hex'),
  Buffer.from('{"prompt":"no HTTP at all"}\n'),
  Buffer.from('\r\n\r\n\r\n\r\nFOO\r\n\r\n'),
  Buffer.from('<?xml version="1.0"?><methodCall/>\r\n\r\n'),
];

/** @typedef {(random: Random) => string | Buffer | { cut: string | Buffer }} Family */
/** @type {Record<string, Family>} */
const FAMILIES = {
  'a length and chunks': random =>
    message(
      random() < 0.5
        ? `${LENGTH}Transfer-Encoding: chunked${CRLF}`
        : `Transfer-Encoding: chunked${CRLF}${LENGTH}`,
      CHUNKED,
    ),
  'a strange transfer encoding': random => ({
    cut: message(
      `${pick(random, NAMES)} ${pick(random, ENCODINGS)}${CRLF}${random() < 0.5 ? LENGTH : ''}`,
      CHUNKED,
    ),
  }),
  'two transfer encodings': random =>
    message(`Transfer-Encoding: ${pick(random, ENCODINGS)}${CRLF}Transfer-Encoding: chunked${CRLF}`, CHUNKED),
  'a strange length': random => ({ cut: message(`Content-Length: ${pick(random, LENGTHS)}${CRLF}`, BODY) }),
  'two lengths': random =>
    message(`${LENGTH}Content-Length: ${pick(random, ['16', '1', '0', '17'])}${CRLF}`, BODY),
  'a bad chunk': random => ({
    cut: message(
      `Transfer-Encoding: chunked${CRLF}`,
      `${pick(random, SIZES)}${pick(random, ENDS)}${BODY}${pick(random, ENDS)}0${CRLF}${CRLF}`,
    ),
  }),
  'bad trailers': random => ({
    cut: message(
      `Transfer-Encoding: chunked${CRLF}`,
      `10${CRLF}${BODY}${CRLF}0${CRLF}${pick(random, STRANGE_HEADERS)}${CRLF}${pick(random, [CRLF, 'X', ''])}`,
    ),
  }),
  'a folded header': random =>
    message(`A: b${CRLF}${pick(random, [' ', '\t', '  '])}c${CRLF}${LENGTH}`, BODY),
  'a bare line feed': random => {
    const whole = message(LENGTH, BODY);
    return { cut: random() < 0.5 ? whole.replaceAll(CRLF, '\n') : whole.replace(CRLF, '\n') };
  },
  'a bare carriage return': random => {
    const whole = message(LENGTH, BODY);
    return { cut: random() < 0.5 ? whole.replaceAll(CRLF, '\r') : whole.replace(CRLF, '\r') };
  },
  'hosts that differ': random => {
    const others = pick(random, [
      '',
      'Host: localhost\r\nHost: evil.example\r\n',
      'Host: evil.example\r\n',
      'Host: \r\n',
      'Host: localhost:99999\r\n',
      'Host: [::1\r\n',
      'Host: localhost/x\r\n',
      'Host: localhost, localhost\r\n',
    ]);
    return `GET /livez HTTP/1.1${CRLF}${others}${CRLF}`;
  },
  'huge headers': random =>
    message(`A: ${'a'.repeat(wholeBetween(random, 10_000, 300_000))}${CRLF}${LENGTH}`, BODY),
  'thousands of headers': random =>
    message(
      `${Array.from({ length: pick(random, [101, 1_000, 2_001, 3_000]) }, (_, i) => `a${i}:b${CRLF}`).join('')}${LENGTH}`,
      BODY,
    ),
  'a strange header': random => ({ cut: message(`${pick(random, STRANGE_HEADERS)}${CRLF}${LENGTH}`, BODY) }),
  'a strange method': random =>
    `${pick(random, METHODS)} ${pick(random, ['/', '/generate', '/nowhere', '*'])} HTTP/1.1${CRLF}${HOST}${CRLF}`,
  'a strange path': random =>
    `${pick(random, ['GET', 'DELETE'])} ${pick(random, PATHS)} HTTP/1.1${CRLF}${HOST}${CRLF}`,
  'a strange version': random => ({ cut: `GET /livez ${pick(random, VERSIONS)}${CRLF}${HOST}${CRLF}` }),
  'another protocol': random => ({ cut: pick(random, FOREIGN) }),
  garbage: random => ({ cut: randomBytes(random) }),
  'garbage behind a good request': random => {
    const good = Buffer.from(`GET /livez HTTP/1.1${CRLF}${HOST}${CRLF}`);
    return { cut: Buffer.concat([good, randomBytes(random)]) };
  },
  'a request cut off': random => {
    const whole = message(LENGTH, BODY);
    return { cut: whole.slice(0, wholeBetween(random, 1, whole.length - 1)) };
  },
  'one byte exchanged': random => {
    const bytes = Buffer.from(message(LENGTH, BODY));
    bytes[wholeBetween(random, 0, bytes.length - 1)] = wholeBetween(random, 0, 255);
    return { cut: bytes };
  },
};

/** @param {Random} random @returns {RawHead} */
export function drawHead(random) {
  const family = pick(random, Object.keys(FAMILIES));
  const drawn = FAMILIES[family]?.(random) ?? '';
  const isCut = typeof drawn === 'object' && 'cut' in drawn;
  const content = isCut ? drawn.cut : drawn;
  return { family, bytes: Buffer.isBuffer(content) ? content : Buffer.from(content, 'latin1'), isCut };
}
