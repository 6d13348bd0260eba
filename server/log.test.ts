// What the console shows, byte for byte, and what it never shows.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createLogger, createRedact, type LoggerOptions } from './log.js';

const KEY = 'mv_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_abcdef';
const JWT = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl';

let written: string[];
beforeEach(() => {
  written = [];
  vi.spyOn(console, 'log').mockImplementation(() => {});
  const { _stdout: stdout } = console as unknown as { _stdout: NodeJS.WriteStream };
  vi.spyOn(stdout, 'write').mockImplementation(text => written.push(String(text)) > 0);
});
afterEach(() => vi.restoreAllMocks());

function logger(options: Partial<LoggerOptions> = {}) {
  return createLogger({ json: false, level: 'debug', ...options });
}

describe('what is masked', () => {
  it.each([
    [`key ${KEY} is revoked`, 'key mv_*** is revoked'],
    ['Authorization: Bearer abc.def~1', 'Authorization: Bearer ***'],
    ['authorization: bearer   x', 'authorization: bearer ***'],
    ['Authorization: Basic dXNlcjpwYXNz', 'Authorization: Basic ***'],
    ['sk-proj-abcdefgh12345678 and sk-ant-api03-xyz', 'sk-*** and sk-***'],
    [`token ${JWT}`, 'token eyJ***'],
    ['postgres://ada:s3cret@db:5432/vault', 'postgres://ada:***@db:5432/vault'],
    ['redis://:p@ss@cache/0', 'redis://:***@cache/0'],
    ['GET /x?api_key=abc&limit=2', 'GET /x?api_key=***&limit=2'],
    ['/x?limit=2&token=abc', '/x?limit=2&token=***'],
  ])('%s', (text, shown) => {
    expect(createRedact()(text)).toBe(shown);
  });

  it.each([
    'mv_AbCdEfG is the prefix that lists show',
    'a task-oriented model at http://localhost:3000/v1?limit=2',
    '12 tokens, key 3 of 4, basic set-up',
    'http://[::1]:3000/history',
  ])('is nothing in: %s', text => {
    expect(createRedact()(text)).toBe(text);
  });

  it('is every value of a secret setting, in any form in which it may stand', () => {
    const redact = createRedact(['pa/ss"word+1', 'short', 'pa/ss"word+1 and more']);
    expect(redact('pa/ss"word+1 and more')).toBe('***');
    expect(redact('x=pa/ss"word+1.')).toBe('x=***.');
    expect(redact(JSON.stringify({ k: 'pa/ss"word+1' }))).toBe('{"k":"***"}');
    expect(redact(encodeURIComponent('pa/ss"word+1'))).toBe('***');
    expect(redact('a short one, no shorter, shortly')).toBe('a *** one, no shorter, shortly');
  });
});

describe('a line', () => {
  it('is masked in its message, its fields and their depths, as text and as JSON', () => {
    const fault = new Error(`refused ${KEY}`, { cause: new Error('postgres://u:hidden@h/d') });
    const fields = {
      error: fault,
      nested: { list: [`Bearer ${JWT}`, 1, null], password: 'open sesame', API_KEY: 'my-own-canary' },
      plain: 'stays',
      count: 7,
    };
    for (const json of [false, true]) {
      written = [];
      logger({ json, secrets: ['my-own-canary'] }).error('my-own-canary failed', fields);
      const [line = ''] = written;
      expect(line).toContain('*** failed');
      expect(line).toContain('stays');
      expect(line).toMatch(/log\.test/);
      expect(line).toContain('Caused by: Error: postgres://u:***@h/d');
      for (const secret of [KEY, JWT, 'my-own-canary', 'hidden', 'sesame'])
        expect(line).not.toContain(secret);
    }
  });

  it('keeps the fields of the child that wrote it, masked as well', () => {
    logger({ json: true }).child({ request_id: 'r1', trace_id: 't1', key: KEY }).info('hello', { ms: 3 });
    expect(JSON.parse(written[0] ?? '')).toMatchObject({
      level: 'info',
      message: 'hello',
      request_id: 'r1',
      trace_id: 't1',
      key: 'mv_***',
      ms: 3,
    });
  });

  it('is one line, whatever control characters it is given', () => {
    logger().info('a\nb\u001b[31m\u0085', { path: '/x\r\ny' });
    expect(written).toEqual(['a\\u000ab\\u001b[31m\\u0085 path=/x\\u000d\\u000ay\n']);
    written = [];
    logger({ json: true }).info('a\nb\u001b', { path: '\r\n' });
    expect(written[0]?.match(/\n/g)).toHaveLength(1);
  });

  it('survives what cannot be told', () => {
    const loop: Record<string, unknown> = { big: 12n, bytes: new Uint8Array(9), at: new Date(0) };
    loop.self = loop;
    logger({ json: true }).warn('odd', loop);
    expect(JSON.parse(written[0] ?? '')).toMatchObject({ big: '12', at: '1970-01-01T00:00:00.000Z' });
  });
});
