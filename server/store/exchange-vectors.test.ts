import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { exchangeId, numberedExchange, storeExchanges } from '../testing/stored-exchanges.js';
import { openTempStore, type TempStore } from '../testing/temp-store.js';
import { createExchangeVectors, type ExchangeVectors } from './exchange-vectors.js';

const EMBEDDER = { id: 'one', dimensions: 3 };
let store: TempStore;
let vectors: ExchangeVectors;

beforeAll(async () => {
  store = await openTempStore();
  await createExchangeVectors(store.database).prepare(EMBEDDER);
});
afterAll(() => store.close());
beforeEach(async () => {
  await store.database.run(db => sql`truncate exchanges restart identity cascade`.execute(db));
  await storeExchanges(
    store.database,
    [1, 2, 3, 4].map(number =>
      numberedExchange(number, number === 4 ? { status: 'failed' } : { response: 'x'.repeat(9_000) }),
    ),
  );
  vectors = createExchangeVectors(store.database);
});

const vector = (...numbers: number[]): Float32Array => Float32Array.from(numbers);
const keep = (...pairs: [number, Float32Array][]): Promise<void> =>
  vectors.store(EMBEDDER, new Map(pairs.map(([number, value]) => [exchangeId(number), value])));
const near = (value: Float32Array, more: object = {}) =>
  vectors.findNearest({ embedder: EMBEDDER, vector: value, limit: 10, filters: {}, ...more });

describe('vectors of exchanges', () => {
  it('are found nearest first, with the cosine', async () => {
    await keep([1, vector(1, 0, 0)], [2, vector(0, 1, 0)], [3, vector(3, 4, 0)], [4, vector(-1, 0, 0)]);
    const found = await near(vector(2, 0, 0));
    expect(found.map(({ seq }) => seq)).toEqual(['1', '3', '2', '4']);
    expect(found.map(({ similarity }) => Number(similarity.toFixed(3)))).toEqual([1, 0.6, 0, -1]);
    expect(await near(vector(2, 0, 0), { limit: 1 })).toHaveLength(1);
    const ofFailed = await near(vector(2, 0, 0), { filters: { status: 'failed' } });
    expect(ofFailed.map(({ seq }) => seq)).toEqual(['4']);
    expect(await near(vector(2, 0, 0), { language: 'german' })).toEqual([]);
  });

  it('are missing of the newest first, with the beginnings of their texts', async () => {
    expect(await vectors.end()).toBe(5);
    await keep([3, vector(1, 0, 0)]);
    const found = await vectors.findUnembedded({ low: 0, high: 5 }, 2);
    expect(found).toEqual([
      { id: exchangeId(4), prompt: 'Question 4?', response: 'Answer 4.' },
      { id: exchangeId(2), prompt: 'Question 2?', response: 'x'.repeat(4_000) },
    ]);
    expect(await vectors.findUnembedded({ low: 3, high: 4 }, 9)).toEqual([]);
  });

  it('of one caller are found however many of others are nearer', async () => {
    const own = 1_001;
    const others = Array.from({ length: 500 }, (_, index) => index + 10);
    await storeExchanges(store.database, [
      ...others.map(number => numberedExchange(number, { caller: 'bob' })),
      numberedExchange(own, { caller: 'alice' }),
    ]);
    await keep(
      [own, vector(0, 1, 0)],
      ...others.map((number): [number, Float32Array] => [number, vector(1, 0, 0)]),
    );
    const found = await near(vector(1, 0, 0), { filters: { caller: 'alice' } });
    expect(found.map(({ similarity }) => similarity)).toEqual([0]);
    expect(await vectors.count(EMBEDDER, 'alice')).toEqual({ done: 1, total: 1 });
    expect(await vectors.count(EMBEDDER, 'nobody')).toEqual({ done: 0, total: 0 });
  });

  it('are counted', async () => {
    await keep([1, vector(1, 0, 0)]);
    expect(await vectors.count(EMBEDDER)).toEqual({ done: 1, total: 4 });
    expect(await vectors.count({ id: 'two', dimensions: 3 })).toEqual({ done: 0, total: 4 });
  });

  it('go when another embedder comes, and are never compared with its own', async () => {
    await keep([1, vector(1, 0, 0)], [2, vector(1, 0, 0)]);
    const two = { id: 'two', dimensions: 3 };
    expect(await near(vector(1, 0, 0), { embedder: two })).toEqual([]);
    expect(await near(vector(1, 0), { embedder: { id: 'one', dimensions: 2 } })).toEqual([]);
    expect([await vectors.prepare(two), await vectors.prepare(two)]).toEqual([true, false]);
    expect(await vectors.findUnembedded({ low: 0, high: 5 }, 9)).toHaveLength(4);
  });

  it('go with their exchange, and are not kept for one that has gone', async () => {
    await keep([1, vector(1, 0, 0)]);
    await store.database.run(db => db.deleteFrom('exchanges').where('id', '=', exchangeId(1)).execute());
    await keep([1, vector(1, 0, 0)], [2, vector(1, 0, 0)]);
    expect((await near(vector(1, 0, 0))).map(({ seq }) => seq)).toEqual(['2']);
  });
});
