import fc from 'fast-check';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { exchangeId, numberedExchange, storeExchanges } from '../testing/stored-exchanges.js';
import { eachStore, openTempStore, type TempStore } from '../testing/temp-store.js';
import { toCursor } from './exchange-cursor.js';
import type { ExchangeFilters } from './exchange-filters.js';
import { createExchangeHistory, type ExchangeHistory } from './exchange-history.js';
import { fromLogLine, toLogLine } from './log-line.js';

const STATUSES = ['completed', 'cancelled', 'failed'] as const;

let store: TempStore;
let history: ExchangeHistory;

const idsOf = (lines: readonly string[]): string[] => lines.map(line => fromLogLine(line).id);
const numbers = (from: number, to: number): number[] =>
  Array.from({ length: Math.abs(to - from) }, (_, index) => (from < to ? from + index : from - index));

async function readAll(filters: ExchangeFilters): Promise<string[]> {
  const ids: string[] = [];
  for await (const lines of history.read(filters, new AbortController().signal)) ids.push(...idsOf(lines));
  return ids;
}

eachStore('the history', kind => {
  beforeAll(async () => {
    store = await openTempStore(kind);
    history = createExchangeHistory(store.database);
  });
  afterAll(() => store.close());
  beforeEach(() => store.database.run(db => sql`truncate exchanges cascade`.execute(db)));

  describe('a page', () => {
    it('has the newest first, with the total of all', async () => {
      await storeExchanges(
        store.database,
        numbers(0, 30).map(number => numberedExchange(number)),
      );
      const first = await history.page({}, { limit: 20, offset: 0 });
      expect(idsOf(first.lines)).toEqual(numbers(29, 9).map(exchangeId));
      expect(first).toMatchObject({ total: 30, nextCursor: expect.any(String) });
      const second = await history.page({}, { limit: 20, offset: 20 });
      expect(idsOf(second.lines)).toEqual(numbers(9, -1).map(exchangeId));
      expect(second).toMatchObject({ total: 30, nextCursor: null });
      expect(await history.page({}, { limit: 20, offset: 30 })).toEqual({
        lines: [],
        total: 30,
        nextCursor: null,
      });
    });

    it('has the lines of the log, byte for byte', async () => {
      const exchange = numberedExchange(1, { response: 'Grüß dich 👋\u2028\ud800\0"\\' });
      await storeExchanges(store.database, [exchange]);
      const line = toLogLine(exchange).trimEnd();
      expect((await history.page({}, { limit: 1, offset: 0 })).lines).toEqual([line]);
      expect(await history.find(exchange.id)).toBe(line);
      expect(await history.find(exchange.id.toUpperCase())).toBe(line);
    });

    it('refuses a cursor that none of its pages gave', async () => {
      const cursor = toCursor({ endedAt: '2026-01-01T00:00:00.000000Z', id: exchangeId(1) });
      const forged = [
        '',
        'x',
        cursor.slice(1),
        cursor.slice(0, -1),
        `${cursor}A`,
        `${cursor}=`,
        cursor.replace(/^./, 'B'),
        toCursor({ endedAt: '2026-02-30T00:00:00.000000Z', id: exchangeId(1) }),
        toCursor({ endedAt: '0000-01-01T00:00:00.000000Z', id: exchangeId(1) }),
        toCursor({ endedAt: "'", id: exchangeId(1) }),
        toCursor({ endedAt: '2026-01-01T00:00:00.000000Z', id: '1' }),
      ];
      for (const text of forged) {
        await expect(async () =>
          history.page({}, { limit: 1, offset: 0, cursor: text }),
        ).rejects.toMatchObject({
          code: 'invalid_request',
          param: 'cursor',
        });
      }
      expect(await history.page({}, { limit: 1, offset: 0, cursor })).toMatchObject({ lines: [] });
    });
  });

  describe('pages that follow each other', () => {
    it('are the whole set, each exchange once, whatever is added or erased meanwhile', async () => {
      // Few minutes for many exchanges: most share theirs, and only the id tells them apart.
      const minutes = fc.array(fc.nat(5), { minLength: 1, maxLength: 40 });
      await fc.assert(
        fc.asyncProperty(
          minutes,
          fc.integer({ min: 1, max: 7 }),
          fc.boolean(),
          async (ended, limit, isErased) => {
            await store.database.run(db => sql`truncate exchanges cascade`.execute(db));
            const before = ended.map((minute, index) => numberedExchange(minute, { id: exchangeId(index) }));
            await storeExchanges(store.database, before);
            const read: string[] = [];
            let cursor: string | undefined;
            do {
              const page = await history.page({}, { limit, offset: 0, cursor });
              expect(page.lines.length).toBeLessThanOrEqual(limit);
              read.push(...idsOf(page.lines));
              const late = 1_000 + read.length;
              await storeExchanges(store.database, [numberedExchange(late)]);
              const last = read.at(-1) ?? '';
              if (isErased)
                await store.database.run(db => db.deleteFrom('exchanges').where('id', '=', last).execute());
              cursor = page.nextCursor ?? undefined;
            } while (cursor !== undefined);
            const byTime = before.toSorted((a, b) =>
              `${b.timestamp}${b.id}` < `${a.timestamp}${a.id}` ? -1 : 1,
            );
            expect(read).toEqual(byTime.map(({ id }) => id));
          },
        ),
        { numRuns: 25 },
      );
    });
  });

  describe('filters', () => {
    const exchanges = numbers(0, 300).map(number =>
      numberedExchange(number, {
        status: STATUSES[number % 3] ?? 'completed',
        dialect: number % 5 === 0 ? 'openai-chat' : 'simple-ndjson',
        caller: number % 7 === 0 ? 'ann' : null,
        model: { id: number % 2 === 0 ? 'one' : 'two', digest: 'sha256:00' },
      }),
    );
    const at = (number: number): Date => new Date(numberedExchange(number).timestamp);

    it('count and find what a plain scan of all exchanges finds', async () => {
      await storeExchanges(store.database, exchanges);
      await store.database.run(db => db.deleteFrom('exchanges').where('id', '=', exchangeId(50)).execute());
      const maybe = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: undefined });
      const filtersOf = fc.record({
        status: maybe(fc.constantFrom(...STATUSES)),
        dialect: maybe(fc.constantFrom('openai-chat', 'simple-ndjson', 'none')),
        model: maybe(fc.constantFrom('one', 'two')),
        caller: maybe(fc.constant('ann')),
        since: maybe(fc.nat(320).map(at)),
        until: maybe(fc.nat(320).map(at)),
      });
      await fc.assert(
        fc.asyncProperty(filtersOf, async filters => {
          const { status, dialect, model, caller, since, until } = filters;
          const expected = exchanges.filter(
            each =>
              each.id !== exchangeId(50) &&
              (status === undefined || each.status === status) &&
              (dialect === undefined || each.dialect === dialect) &&
              (model === undefined || each.model.id === model) &&
              (caller === undefined || each.caller === caller) &&
              (since === undefined || new Date(each.timestamp) >= since) &&
              (until === undefined || new Date(each.timestamp) < until),
          );
          const { lines, total } = await history.page(filters, { limit: 100, offset: 0 });
          expect(total).toBe(expected.length);
          expect(idsOf(lines)).toEqual(
            expected
              .map(({ id }) => id)
              .toReversed()
              .slice(0, 100),
          );
          expect(await readAll(filters)).toEqual(expected.map(({ id }) => id));
        }),
        { numRuns: 60 },
      );
    });
  });

  describe('an exchange', () => {
    it('is not found by what is no id', async () => {
      for (const id of ['', 'x', '%00', `{${exchangeId(1)}}`, exchangeId(1), `${exchangeId(1)}0`]) {
        expect(await history.find(id)).toBeNull();
      }
    });

    it('that is put in twice counts once', async () => {
      await storeExchanges(store.database, [numberedExchange(1)]);
      await storeExchanges(store.database, [numberedExchange(1), numberedExchange(2)]);
      expect(await history.page({}, { limit: 1, offset: 0 })).toMatchObject({ total: 2 });
    });
  });

  describe('reading all', () => {
    it('takes few of the large at once, and never none', async () => {
      const response = 'large '.repeat(250_000);
      for (const number of [1, 2, 3, 4]) {
        await storeExchanges(store.database, [numberedExchange(number, { response })]);
      }
      const sizes: number[] = [];
      for await (const lines of history.read({}, new AbortController().signal)) sizes.push(lines.length);
      expect(sizes).toEqual([3, 1]);
    });

    it('does not run after what comes in meanwhile', async () => {
      await storeExchanges(
        store.database,
        numbers(0, 150).map(number => numberedExchange(number)),
      );
      let read = 0;
      for await (const lines of history.read({}, new AbortController().signal)) {
        read += lines.length;
        await storeExchanges(store.database, [numberedExchange(1_000 + read)]);
      }
      expect(read).toBe(150);
    });

    it('ends when its reader has gone', async () => {
      await storeExchanges(
        store.database,
        numbers(0, 250).map(number => numberedExchange(number)),
      );
      const leaving = new AbortController();
      let batches = 0;
      for await (const _ of history.read({}, leaving.signal)) {
        batches += 1;
        leaving.abort();
      }
      expect(batches).toBe(1);
    });
  });
});
