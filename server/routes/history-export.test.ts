import { parse } from 'csv-parse/sync';
import { sql } from 'kysely';
import request from 'supertest';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { toLogLine } from '../store/log-line.js';
import { openStream, parseLines, readStream } from '../testing/read-stream.js';
import { type StartedApp, startApp } from '../testing/start-app.js';
import { exchangeId, numberedExchange, storeExchanges } from '../testing/stored-exchanges.js';

const KEPT = 1_500;
/** Far more than the sockets between server and client hold. */
const LONG = 'long '.repeat(2_000);

let app: StartedApp;
/** Batches that were read from the database. */
let batches = 0;

beforeAll(async () => {
  app = await startApp({ plan: { tokens: 8 }, vault: true });
  await storeExchanges(
    app.parts.vault.database,
    Array.from({ length: KEPT }, (_, number) => keptExchange(number)),
  );
  const { read } = app.parts.history;
  vi.spyOn(app.parts.history, 'read').mockImplementation(async function* counted(...args) {
    for await (const lines of read(...args)) {
      batches++;
      yield lines;
    }
  });
});
afterAll(() => app.close());
beforeEach(() => {
  batches = 0;
});

function keptExchange(number: number) {
  return numberedExchange(number, { response: LONG, status: number % 3 === 0 ? 'failed' : 'completed' });
}

const exportUrl = (query = ''): string => `${app.url}/history/export${query}`;
const GET = { method: 'GET' };

describe('GET /history/export', () => {
  it('is the log, line by line, oldest first', async () => {
    const { text, headers, whole } = await readStream(exportUrl(), GET);
    expect(whole).toBe(true);
    expect(headers).toMatchObject({
      'content-type': 'application/x-ndjson; charset=utf-8',
      'content-disposition': expect.stringMatching(
        /^attachment; filename="minivault-history-\d{4}-\d\d-\d\d\.jsonl"$/,
      ),
    });
    expect(text).toBe(Array.from({ length: KEPT }, (_, number) => toLogLine(keptExchange(number))).join(''));
  });

  it('is a table for spreadsheets', async () => {
    const { text, headers, whole } = await readStream(exportUrl('?format=csv'), GET);
    expect([whole, headers['content-type']]).toEqual([true, 'text/csv; charset=utf-8; header=present']);
    expect(headers['content-disposition']).toMatch(/\.csv"$/);
    const rows: Record<string, string>[] = parse(text, { columns: true });
    expect(rows.map(({ id }) => id)).toEqual(Array.from({ length: KEPT }, (_, number) => exchangeId(number)));
    expect(rows[7]).toMatchObject({ prompt: 'Question 7?', response: LONG, status: 'completed' });
  });

  it('has only what the filters let through; nothing is an empty file', async () => {
    const { text } = await readStream(
      exportUrl('?status=failed&since=2026-01-01T00:30:00Z&until=2026-01-01T01:00:00Z'),
      GET,
    );
    expect(parseLines(text).map(({ id }) => id)).toEqual(
      Array.from({ length: 10 }, (_, n) => exchangeId(30 + 3 * n)),
    );
    const none = await readStream(exportUrl('?caller=nobody'), GET);
    expect([none.status, none.text, none.whole]).toEqual([200, '', true]);
    const header = await readStream(exportUrl('?caller=nobody&format=csv'), GET);
    expect(header.text).toMatch(/^timestamp,id,[\w,]+\r\n$/);
  });

  it.each([
    ['format', 'format=xml'],
    ['status', 'status=x'],
    ['limit', 'limit=5'],
    ['since', 'since=2026'],
  ])('refuses %s by name: %s', async (param, query) => {
    const { status, body } = await request(app.url).get(`/history/export?${query}`);
    expect([status, body.param]).toEqual([400, param]);
  });

  it('reads no more than the beginning for who asks for the head alone', async () => {
    await request(app.url)
      .head('/history/export')
      .expect(200)
      .expect('content-type', /ndjson/);
    expect(batches).toBe(1);
  });

  it('waits for a slow reader with little in memory, and gives it everything', async () => {
    const stream = await openStream(exportUrl(), GET);
    stream.pause();
    let before = -1;
    await app.until(async () => {
      if (batches === before) return true;
      before = batches;
      await new Promise(resolve => setTimeout(resolve, 100));
      return false;
    });
    expect(batches).toBeLessThan(KEPT / 100 / 2);
    // Nobody else waits for it.
    await request(app.url).get('/history').expect(200);
    stream.resume();
    const { whole, text } = await stream.ended;
    expect([whole, parseLines(text).length]).toEqual([true, KEPT]);
  });

  it('stops reading when its client leaves', async () => {
    const stream = await openStream(exportUrl(), GET);
    await stream.seen(text => text.length > 0);
    stream.leave();
    await stream.ended;
    await app.until(async () => {
      const before = batches;
      await new Promise(resolve => setTimeout(resolve, 50));
      return batches === before;
    });
    expect(batches).toBeLessThan(KEPT / 100);
  });

  it.each(['jsonl', 'csv'])('that fails midway is cut, never a whole file: %s', async format => {
    const stream = await openStream(exportUrl(`?format=${format}`), GET);
    stream.pause();
    await app.parts.vault.database.run(db => sql`alter table exchanges rename to hidden`.execute(db));
    stream.resume();
    const { whole, text } = await stream.ended;
    await app.parts.vault.database.run(db => sql`alter table hidden rename to exchanges`.execute(db));
    expect(text.length).toBeGreaterThan(0);
    expect(whole).toBe(false);
  });
});
