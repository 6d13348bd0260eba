import express from 'express';
import request from 'supertest';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { generateBodySchema } from '../dialects/generate-body.js';
import { simpleErrorBody } from '../dialects/simple-ndjson.js';
import { silentLogger } from '../log.js';
import { parseBody } from './body.js';
import { errorHandler } from './error-handler.js';
import { MAX_BODY_BYTES, readBody } from './read-body.js';
import { requestScope } from './request-scope.js';
import { onlyMethods, unknownPath } from './unmatched.js';

function createEcho(schema: z.ZodType = z.unknown()) {
  const app = express();
  app.set('query parser', 'simple');
  app.use(requestScope(silentLogger()));
  app
    .route('/echo')
    .post(readBody, (req, res) => {
      res.json(parseBody(req, schema));
    })
    .all(onlyMethods('POST'));
  app.get('/boom', () => {
    throw new TypeError('secret detail');
  });
  app.get('/item/:id', (_req, res) => {
    res.end();
  });
  app.use(unknownPath);
  app.use(errorHandler(() => simpleErrorBody));
  return app;
}

const post = (body: string | Buffer, type = 'application/json', schema?: z.ZodType) =>
  request(createEcho(schema))
    .post('/echo')
    .set('Content-Type', type)
    .serialize(raw => raw as unknown as string)
    .send(body as string);

const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;

describe('a body', () => {
  it('passes when it is a JSON object', async () => {
    await post('{"a":[1,"ü"]}').expect(200, { a: [1, 'ü'] });
  });

  it('may say that it is utf-8, and may be a JSON dialect', async () => {
    await post('{}', 'application/json; charset=UTF-8').expect(200);
    await post('{}', 'application/json;charset="utf-8"').expect(200);
    await post('{}', 'application/problem+json').expect(200);
  });

  it.each([
    ['ff', Buffer.from([0x22, 0xff, 0x22])],
    ['an overlong NUL', Buffer.from([0x22, 0xc0, 0x80, 0x22])],
    ['an encoded surrogate', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])],
    ['a cut tail', Buffer.from([0x22, 0xe2, 0x82])],
  ])('is refused when it is not UTF-8: %s', async (_name, bytes) => {
    await post(bytes)
      .expect(400)
      .expect(res => expect(res.body.code).toBe('invalid_unicode'));
  });

  it.each([
    ['text/plain', 415],
    ['application/x-www-form-urlencoded', 415],
    ['multipart/form-data; boundary=x', 415],
    ['application/json; charset=utf-16', 415],
    ['application/json; charset=utf-7', 415],
    ['application/jsonx', 415],
  ])('of type %s gets %i that names the header', async (type, status) => {
    await post('{"prompt":"hi"}', type)
      .expect(status)
      .expect(res =>
        expect(res.body).toMatchObject({ code: 'unsupported_media_type', param: 'Content-Type' }),
      );
  });

  it('is refused without a type', async () => {
    await request(createEcho())
      .post('/echo')
      .unset('Content-Type')
      .serialize(String)
      .send('{"a":1}')
      .expect(415);
  });

  it.each(['gzip', 'br', 'deflate', 'zstd'])('is refused when it is compressed with %s', async encoding => {
    await request(createEcho())
      .post('/echo')
      .set('Content-Type', 'application/json')
      .set('Content-Encoding', encoding)
      .send('{}')
      .expect(415)
      .expect(res => expect(res.body.param).toBe('Content-Encoding'));
  });

  it('is refused over 1 MiB and the connection closed', async () => {
    await post(`"${'x'.repeat(MAX_BODY_BYTES)}"`)
      .expect(413)
      .expect('Connection', 'close')
      .expect(res => expect(res.body.code).toBe('body_too_large'));
  });

  it('may be exactly 1 MiB', async () => {
    await post(`{"a":"${'x'.repeat(MAX_BODY_BYTES - 8)}"}`).expect(200);
  });

  it('may be 32 levels deep', async () => {
    await post(nested(32)).expect(200);
  });

  it.each([33, 5_000, 100_000])('is refused %i levels deep', async depth => {
    await post(nested(depth))
      .expect(400)
      .expect(res => expect(res.body.code).toBe('invalid_json'));
    await post(`{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`).expect(400);
  });

  it.each(['', '{', '{"a":1,}', "{'a':1}", 'NaN', '{"a":01}', 'nul'])(
    'is refused as JSON: %j',
    async body => {
      if (body === '') await post(body, 'application/json', generateBodySchema).expect(400);
      else
        await post(body)
          .expect(400)
          .expect(res => expect(res.body.code).toBe('invalid_json'));
    },
  );

  it.each(['1', '"a"', 'null', 'true', '[]', '[{"prompt":"x"}]'])(
    'is refused when it is no object: %s',
    async body => {
      await post(body)
        .expect(400)
        .expect(res => expect(res.body.code).toBe('invalid_request'));
    },
  );

  it.each(['{"__proto__":{"a":1}}', '{"a":{"__proto__":1}}', '{"constructor":{"prototype":{}}}'])(
    'cannot reach a prototype: %s',
    async body => {
      await post(body)
        .expect(400)
        .expect(res => expect(res.body.code).toBe('invalid_request'));
      expect(({} as Record<string, unknown>).a).toBeUndefined();
    },
  );

  it.each(['{"a":{"b":["\\ud800"]}}', '{"a":{"b":["x\\u0000"]}}'])(
    'is refused with broken text, which is named: %s',
    async body => {
      await post(body)
        .expect(400)
        .expect(res => expect(res.body).toMatchObject({ code: 'invalid_unicode', param: 'a.b.0' }));
    },
  );
});

describe('an answer without a route', () => {
  it('is 404 as JSON with the request id', async () => {
    await request(createEcho())
      .get('/nowhere')
      .set('X-Request-ID', 'mine-1')
      .expect(404)
      .expect('X-Request-ID', 'mine-1')
      .expect(res => expect(res.body).toMatchObject({ code: 'not_found', request_id: 'mine-1' }));
  });

  it('replaces a request id that is not well formed', async () => {
    const { headers } = await request(createEcho()).get('/nowhere').set('X-Request-ID', 'a b\tc');
    expect(headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });

  it.each(['get', 'put', 'delete', 'patch'] as const)(
    'is 405 with Allow for %s on a known path',
    async method => {
      await request(createEcho())
        [method]('/echo')
        .expect(405)
        .expect('Allow', 'POST, OPTIONS')
        .expect(res => expect(res.body.code).toBe('method_not_allowed'));
    },
  );

  it('is 204 with Allow for OPTIONS', async () => {
    await request(createEcho()).options('/echo').expect(204).expect('Allow', 'POST, OPTIONS');
  });

  it('is 400 for a broken percent escape', async () => {
    await request(createEcho())
      .get('/item/%zz')
      .expect(400)
      .expect(res => expect(res.body.param).toBe('path'));
  });

  it('is 500 that hides what was thrown', async () => {
    const { body, text } = await request(createEcho()).get('/boom').expect(500);
    expect(body.code).toBe('internal');
    expect(text).not.toContain('secret');
  });
});
