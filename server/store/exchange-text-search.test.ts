import fc from 'fast-check';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Exchange } from '../domain/exchange.js';
import { exchangeId, numberedExchange, storeExchanges } from '../testing/stored-exchanges.js';
import { eachStore, openTempStore, type TempStore } from '../testing/temp-store.js';
import {
  createExchangeTextSearch,
  type ExchangeTextSearch,
  MATCH_END,
  MATCH_START,
} from './exchange-text-search.js';
import type { TextSearch } from './text-query.js';

let store: TempStore;
let search: ExchangeTextSearch;

const ALL = { limit: 100, offset: 0 };

async function keep(texts: readonly (Partial<Exchange> | string)[], language = 'english'): Promise<void> {
  const exchanges = texts.map((text, number) =>
    numberedExchange(number + 1, typeof text === 'string' ? { prompt: text, response: '' } : text),
  );
  await storeExchanges(store.database, exchanges, language);
}

async function find(query: string, options: Partial<TextSearch> = {}) {
  const asked = await search.prepare({ query, filters: {}, ...options });
  const ranking = await search.rank(asked, ALL);
  const found = await search.describe(
    ranking.ranked.map(({ seq }) => seq),
    asked,
  );
  return { ...ranking, found, ids: found.map(({ id }) => Number.parseInt(id.slice(-8), 16)) };
}

const marked = (text: string): string => text.replaceAll(MATCH_START, '<').replaceAll(MATCH_END, '>');

eachStore('search by words', kind => {
  beforeAll(async () => {
    store = await openTempStore(kind);
    search = createExchangeTextSearch(store.database);
  });
  afterAll(() => store.close());
  beforeEach(() => store.database.run(db => sql`truncate exchanges restart identity cascade`.execute(db)));

  it('finds other forms of the word, the best match first, and marks what matched', async () => {
    await keep([
      { prompt: 'A question of cooking', response: 'One whale is mentioned here among many other things.' },
      { prompt: 'Whales?', response: 'Whales are whales.' },
      'Nothing of the kind',
    ]);
    const { ids, found, total, isTotalExact, lookedBackTo } = await find('whales');
    expect({ ids, total, isTotalExact, lookedBackTo }).toEqual({
      ids: [2, 1],
      total: 2,
      isTotalExact: true,
      lookedBackTo: null,
    });
    expect(marked(found[0]?.response ?? '')).toBe('<Whales> are <whales>');
    expect(marked(found[1]?.response ?? '')).toContain('One <whale> is mentioned');
    expect(found[1]?.prompt).toBe('A question of cooking');
  });

  it('knows phrases, alternatives and excluded words', async () => {
    await keep(['red apple pie', 'apple red pie', 'red pear', 'green pear -x']);
    expect((await find('"red apple"')).ids).toEqual([1]);
    expect((await find('red apple')).ids.sort()).toEqual([1, 2]);
    expect((await find('apple or green')).ids.sort()).toEqual([1, 2, 4]);
    expect((await find('red -apple')).ids).toEqual([3]);
    expect((await find('pear -"red pear"')).ids).toEqual([4]);
    expect((await find('-apple')).ids).toEqual([4, 3]);
    expect(await find('"apple pear"')).toMatchObject({ ids: [], total: 0, isTotalExact: true });
  });

  it('asks each exchange in its own language', async () => {
    await keep(['cat with apples', 'cat with pies']);
    await storeExchanges(
      store.database,
      [numberedExchange(11, { prompt: 'Die Häuser der Katze', response: '' })],
      'german',
    );
    expect((await find('Haus')).ids).toEqual([11]);
    expect((await find('apple')).ids).toEqual([1]);
    // In the words of German, "pies" is no form of "pie": that must not bring the English one in.
    expect((await find('cat -pie')).ids).toEqual([1]);
    expect((await find('Häuser', { language: 'german' })).ids).toEqual([11]);
    expect((await find('cat', { language: 'german' })).ids).toEqual([]);
  });

  it('refuses a language that there is not, and names those that there are', async () => {
    await expect(find('x', { language: 'klingon' })).rejects.toMatchObject({
      code: 'invalid_request',
      param: 'language',
      message: expect.stringContaining('english'),
    });
  });

  it.each(['the of', '"the" "of"', '""', '"', '-', '...', 'or', '   '])(
    'finds nothing for %j',
    async query => {
      await keep(['the cat of the house']);
      expect(await find(query)).toMatchObject({ ids: [], total: 0, isTotalExact: true, lookedBackTo: null });
    },
  );

  it('finds among the filtered alone', async () => {
    await keep([
      { prompt: 'whale' },
      { prompt: 'whale', status: 'failed' },
      { prompt: 'whale', caller: 'ann' },
    ]);
    expect((await find('whale', { filters: { status: 'failed' } })).ids).toEqual([2]);
    expect((await find('whale', { filters: { caller: 'ann' } })).ids).toEqual([3]);
    expect((await find('whale', { filters: { until: new Date(Date.UTC(2026, 0, 1, 0, 2)) } })).ids).toEqual([
      1,
    ]);
    expect((await find('whale', { filters: { since: new Date(Date.UTC(2026, 0, 1, 0, 3)) } })).ids).toEqual([
      3,
    ]);
    expect(await find('whale', { filters: { since: new Date(Date.UTC(2030, 0, 1)) } })).toMatchObject({
      total: 0,
    });
  });

  it('pages through the ranking', async () => {
    await keep(Array.from({ length: 7 }, (_, index) => `whale ${'x '.repeat(index)}`));
    const asked = await search.prepare({ query: 'whale', filters: {} });
    const pages = await Promise.all([0, 3, 6, 9].map(offset => search.rank(asked, { limit: 3, offset })));
    expect(pages.map(({ ranked }) => ranked.length)).toEqual([3, 3, 1, 0]);
    expect(pages.map(({ total }) => total)).toEqual([7, 7, 7, 7]);
    const seqs = pages.flatMap(({ ranked }) => ranked.map(({ seq }) => seq));
    expect(seqs).toEqual((await search.rank(asked, ALL)).ranked.map(({ seq }) => seq));
  });

  it('ranks the newest five hundred of what every exchange has, and says how far back it looked', async () => {
    await keep(Array.from({ length: 4_000 }, (_, index) => (index < 10 ? 'whale rare' : 'whale')));
    const { total, isTotalExact, lookedBackTo, ids } = await find('whale');
    expect({ total, isTotalExact }).toEqual({ total: 500, isTotalExact: false });
    expect(lookedBackTo?.getTime()).toBeGreaterThan(Date.UTC(2026, 0, 1));
    expect(lookedBackTo?.getTime()).toBeLessThan(Date.UTC(2026, 0, 1) + 3_500 * 60_000);
    expect(ids).toEqual(Array.from({ length: 100 }, (_, index) => 4_000 - index));
    const older = await find('whale', { filters: { until: new Date(Date.UTC(2026, 0, 1) + 20 * 60_000) } });
    expect(older).toMatchObject({ total: 19, isTotalExact: true });
    expect(await find('rare')).toMatchObject({ total: 10, isTotalExact: true, lookedBackTo: null });
  });

  it('keeps an exchange with more words than an index entry can hold, and finds it by its early words', async () => {
    const text = Array.from({ length: 300_000 }, (_, index) => `w${index.toString(36)}x`).join(' ');
    await keep([{ prompt: text, response: '' }]);
    expect((await find(`w${(5_000).toString(36)}x`)).ids).toEqual([1]);
  });

  it.each([
    ['near the beginning', 100],
    ['far from it', 10_000],
  ])('shows the passage that matches, %s, and of a text without a match the beginning', async (_, at) => {
    const filler = (characters: number) => 'Nothing of it. '.repeat(characters / 15);
    await keep([
      { prompt: `Tell me. ${filler(5_000)}`, response: `${filler(at)}One whale. ${filler(5_000)}` },
    ]);
    const [found] = (await find('whale')).found;
    expect(marked(found?.response ?? '')).toContain('One <whale>. Nothing');
    expect(marked(found?.prompt ?? '')).toMatch(/^Tell me\. Nothing of it\. /);
    const [excluding] = (await find('-shark')).found;
    expect(excluding?.response).toMatch(/^Nothing of it\. /);
  });

  it('shows where all words are, rather than where one is', async () => {
    const filler = 'Nothing of it. '.repeat(300);
    await keep([
      { prompt: 'Tell me.', response: `The whale is big. ${filler}A whale beside a ship. ${filler}` },
    ]);
    for (const query of ['whale ship', '"whale beside"', 'ship or shark']) {
      const [found] = (await find(query)).found;
      expect(marked(found?.response ?? '')).toMatch(/A <?whale>? <?beside>? a <?ship>?/);
    }
  });

  it('never marks with what the text itself has', async () => {
    await keep([`a ${MATCH_START} whale ${MATCH_END} b`]);
    expect(marked((await find('whale')).found[0]?.prompt ?? '')).toMatch(/^a +<whale> +b$/);
  });

  const WORDS = ['red', 'blue', 'apple', 'pie', 'running', 'the'];
  const word = fc.constantFrom(...WORDS);
  const term = fc.oneof(
    word,
    word.map(each => `-${each}`),
    fc.tuple(word, word).map(([a, b]) => `"${a} ${b}"`),
    fc.tuple(word, word).map(([a, b]) => `-"${a} ${b}"`),
    fc.constant('or'),
  );

  it('finds what PostgreSQL finds when it reads every row', async () => {
    const texts = fc.array(
      fc.array(word, { maxLength: 6 }).map(words => words.join(' ')),
      { minLength: 1, maxLength: 12 },
    );
    const queries = fc.array(
      fc.array(term, { maxLength: 4 }).map(terms => terms.join(' ')),
      { minLength: 8, maxLength: 8 },
    );
    await fc.assert(
      fc.asyncProperty(texts, queries, async (contents, asked) => {
        await store.database.run(db => sql`truncate exchanges restart identity cascade`.execute(db));
        await keep(contents);
        for (const query of asked) {
          const { rows } = await store.database.run(db =>
            sql<{ id: string }>`
              select id from exchanges, websearch_to_tsquery('english', ${query}) as query
              where search @@ query and query::text <> '' order by ts_rank_cd(search, query, 33) desc, seq desc`.execute(
              db,
            ),
          );
          const { ids, total } = await find(query);
          expect({ query, ids: ids.map(exchangeId) }).toEqual({ query, ids: rows.map(({ id }) => id) });
          expect(total).toBe(rows.length);
        }
      }),
      { numRuns: 8 },
    );
  });

  it('takes any text for a query', async () => {
    await keep(['whale']);
    const odd = fc.constantFrom(
      "'; drop table exchanges; --",
      'a & | !',
      '\\',
      "''",
      '<->',
      ':*',
      '(((',
      '$1',
      '%',
      '?',
      '{}',
      "E'\\x'",
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(odd, fc.string({ unit: 'grapheme' }), word), { maxLength: 5 }),
        async parts => {
          const query = parts.join(' ').replaceAll('\0', '');
          const { total } = await find(query);
          expect(total).toBeGreaterThanOrEqual(0);
        },
      ),
      { numRuns: 60 },
    );
    expect((await find('whale')).ids).toEqual([1]);
  });
});
