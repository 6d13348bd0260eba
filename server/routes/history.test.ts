import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { historyPageSchema } from '../dialects/history.js';
import { readStream } from '../testing/read-stream.js';
import { type StartedApp, startApp } from '../testing/start-app.js';
import { exchangeId, numberedExchange, storeExchanges } from '../testing/stored-exchanges.js';

const KEPT = 2_500;

let app: StartedApp;

beforeAll(async () => {
  app = await startApp({ plan: { tokens: 8 }, vault: true });
  const exchanges = Array.from({ length: KEPT }, (_, number) =>
    numberedExchange(number, {
      status: number % 50 === 0 ? 'failed' : 'completed',
      caller: number % 25 === 0 ? 'ann' : null,
    }),
  );
  await storeExchanges(app.parts.vault.database, exchanges);
  await app.ready();
});
afterAll(() => app.close());

const get = (path: string) => request(app.url).get(path);
const idsOf = (items: readonly { readonly id: string }[]): string[] => items.map(({ id }) => id);

async function generate(body: object = { prompt: 'Why is the sky blue?' }): Promise<string> {
  const { headers } = await readStream(`${app.url}/generate`, { body });
  return String(headers['x-exchange-id']);
}

describe('GET /history', () => {
  it('tells the newest first, twenty a page, and how many there are', async () => {
    const { body, headers } = await get('/history?until=2027-01-01').expect(200);
    expect(headers['content-type']).toBe('application/json; charset=utf-8');
    expect(historyPageSchema.parse(body)).toMatchObject({ total: KEPT, limit: 20, offset: 0 });
    expect(idsOf(body.items)).toEqual(Array.from({ length: 20 }, (_, n) => exchangeId(KEPT - 1 - n)));
    const { body: next } = await get('/history?until=2027-01-01&limit=5&offset=20').expect(200);
    expect(idsOf(next.items)).toEqual(Array.from({ length: 5 }, (_, n) => exchangeId(KEPT - 21 - n)));
    expect(next).toMatchObject({ limit: 5, offset: 20, next_cursor: expect.any(String) });
  });

  it('has every exchange once on pages that follow each other, while new ones come in', async () => {
    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const next: string = cursor === '' ? '' : `&cursor=${cursor}`;
      const { body } = await get(`/history?limit=100${next}`).expect(200);
      seen.push(...idsOf(body.items));
      cursor = body.next_cursor;
      expect(body.offset).toBe(seen.length === body.items.length ? 0 : null);
      if (seen.length % 500 === 0) await generate();
    }
    const old = seen.filter(id => id.startsWith('0192f0c1-'));
    expect(new Set(seen).size).toBe(seen.length);
    expect(old).toEqual(Array.from({ length: KEPT }, (_, n) => exchangeId(KEPT - 1 - n)));
  });

  it('finds an answer that has just ended, in the log’s own words', async () => {
    const id = await generate({ prompt: 'Grüße 👋', seed: 5 });
    const { body } = await get('/history?limit=1').expect(200);
    const [logged] = (await app.readLog()).filter(line => line.id === id);
    expect(body.items).toEqual([logged]);
    expect(logged).toMatchObject({ prompt: 'Grüße 👋', parameters: { seed: 5 }, replay_of: null });
    expect((await get(`/history/${id}`).expect(200)).body).toEqual(logged);
  });

  it.each([
    ['status=failed', KEPT / 50],
    ['caller=ann', KEPT / 25],
    ['status=failed&caller=ann', KEPT / 50],
    ['status=cancelled', 0],
    ['model=none', 0],
    ['dialect=none', 0],
    ['model=smollm2-135m-instruct', KEPT],
    // One exchange a minute since midnight.
    ['since=2026-01-01T00:10:00Z&until=2026-01-01T00:20:00Z', 10],
    ['since=2026-01-01T01:10:00%2B01:00&until=2026-01-01T00:20:00Z', 10],
    ['since=2026-01-02&until=2026-01-03', KEPT - 1_440],
    ['until=2026-01-01', 0],
    ['since=2026-01-01T00:20:00Z&until=2026-01-01T00:10:00Z', 0],
  ])('counts those with %s', async (filter, total) => {
    const { body } = await get(`/history?limit=100&${filter}`).expect(200);
    expect([body.total, body.items.length]).toEqual([total, Math.min(total, 100)]);
  });

  it.each<[string, string]>([
    ...[
      '-1',
      '0',
      '101',
      '1e9',
      'NaN',
      '10;',
      '',
      '%205',
      '5%20',
      '%2B5',
      '1.5',
      '0x10',
      '٣',
      '9'.repeat(30),
    ].map((value): [string, string] => ['limit', `limit=${value}`]),
    ...['-1', '10001', '1e9', 'NaN', '', 'null'].map((value): [string, string] => [
      'offset',
      `offset=${value}`,
    ]),
    ...['', 'x', '%00', 'MDEyMzQ1Njc4OQ'].map((value): [string, string] => ['cursor', `cursor=${value}`]),
    ['limit', 'limit=1&limit=2'],
    ['cursor', 'cursor=x&offset=1'],
    ['status', 'status=done'],
    ['model', 'model='],
    ['caller', 'caller=%00'],
    ['dialect', `dialect=${'x'.repeat(201)}`],
    ['since', 'since=yesterday'],
    ['since', 'since=2026-02-30'],
    ['since', 'since=2026-01-01T00:00:00'],
    ['since', 'since=0000-01-01'],
    ['until', 'until=9999-12-31T23:59:59-12:00'],
    ['lmit', 'lmit=5'],
  ])('refuses %s by name: %s', async (param, query) => {
    const { status, body } = await get(`/history?${query}`);
    expect([status, body]).toEqual([
      400,
      {
        error: expect.stringContaining(`"${param}"`),
        code: 'invalid_request',
        param,
        request_id: expect.any(String),
      },
    ]);
  });

  it('goes to the farthest offset', async () => {
    expect((await get('/history?limit=100&offset=10000').expect(200)).body).toMatchObject({
      items: [],
      next_cursor: null,
    });
  });
});

describe('GET /history/{id}', () => {
  it.each([
    exchangeId(999_999),
    'x',
    '1',
    '%00',
    `${exchangeId(1)}'`,
    encodeURIComponent('"; drop table exchanges'),
  ])('does not find %s', async id => {
    const { status, body } = await get(`/history/${id}`);
    expect([status, body.code, body.param]).toEqual([404, 'exchange_not_found', 'id']);
  });

  it('is not denied while it may still be on its way from the log', async () => {
    const behind = vi.spyOn(app.parts.vault, 'caughtUp').mockResolvedValue(false);
    const { status, body, headers } = await get(`/history/${exchangeId(999_999)}`);
    expect([status, body.code, headers['retry-after']]).toEqual([503, 'storage_unavailable', '1']);
    await get(`/history/${exchangeId(10)}`).expect(200);
    await get('/history/x').expect(404);
    behind.mockRestore();
  });

  it('takes an id in capitals', async () => {
    const { body } = await get(`/history/${exchangeId(10).toUpperCase()}`).expect(200);
    expect(body).toMatchObject({ id: exchangeId(10), prompt: 'Question 10?' });
  });
});

describe('DELETE /history/{id}', () => {
  it('takes an exchange out of history and log, and out of nothing else', async () => {
    const [kept, erased] = [await generate(), await generate({ prompt: 'My secret is 4711' })];
    const { total } = (await get('/history').expect(200)).body;
    expect((await request(app.url).delete(`/history/${erased}`).expect(204)).text).toBe('');
    await get(`/history/${erased}`).expect(404);
    await get(`/history/${kept}`).expect(200);
    expect((await get('/history').expect(200)).body.total).toBe(total - 1);
    const log = JSON.stringify(await app.readLog());
    expect([log.includes('4711'), log.includes(kept)]).toEqual([false, true]);
    await request(app.url).delete(`/history/${erased}`).expect(404);
    await request(app.url).delete('/history/x').expect(404);
  });
});
