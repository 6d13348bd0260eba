import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { searchExchangesAnswerSchema } from '../dialects/search.js';
import { type StartedApp, startApp } from '../testing/start-app.js';
import { openTempStore } from '../testing/temp-store.js';

let app: StartedApp;

beforeAll(async () => {
  app = await startApp({ vault: true, plan: { tokens: 6 } });
  await app.ready();
  for (const prompt of [
    'Where do whales sleep at night?',
    'Is a <b>whale</b> a fish & why?',
    'How can I bake bread?',
  ]) {
    const answer = await fetch(`${app.url}/generate`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ prompt }),
    });
    await answer.text();
  }
});
afterAll(() => app.close());

async function ask(parameters: Record<string, string> | string): Promise<{ status: number; body: unknown }> {
  const search = typeof parameters === 'string' ? parameters : new URLSearchParams(parameters).toString();
  const answer = await fetch(`${app.url}/search?${search}`);
  return { status: answer.status, body: await answer.json() };
}

async function find(query: string, more: Record<string, string> = {}) {
  const { status, body } = await ask({ query, ...more });
  expect(status).toBe(200);
  return searchExchangesAnswerSchema.parse(body);
}

describe('GET /search', () => {
  it('finds what has just been answered, by other forms of its words, and tells how many', async () => {
    const found = await find('sleeping whales');
    expect(found).toMatchObject({
      total: 1,
      total_is_exact: true,
      searched_back_to: null,
      embedded: null,
      mode: 'text',
      limit: 20,
      offset: 0,
    });
    expect(found.items[0]).toMatchObject({
      status: 'completed',
      dialect: 'simple-ndjson',
      caller: null,
      model: 'fake',
      language: 'english',
      places: { text: 1, semantic: null },
    });
    const kept = (await app.readLog()).find(({ id }) => id === found.items[0]?.id);
    expect(kept?.prompt).toBe('Where do whales sleep at night?');
    expect(found.items[0]?.timestamp).toBe(kept?.timestamp);
  });

  it('marks what matched in HTML that cannot do anything else', async () => {
    const [item] = (await find('"a fish"')).items;
    const whales = await find('whale');
    expect(item?.highlights.prompt).toContain('<mark>fish</mark>');
    expect(whales.total).toBe(2);
    for (const { highlights } of whales.items) {
      const text = highlights.prompt + highlights.response;
      expect(text.replaceAll(/<\/?mark>/g, '')).not.toMatch(/[<>"']|&(?!(?:amp|lt|gt|quot|#39);)/);
    }
  });

  it('pages', async () => {
    const [first, second] = [
      await find('whale', { limit: '1' }),
      await find('whale', { limit: '1', offset: '1' }),
    ];
    expect([first.items.length, second.items.length, first.total]).toEqual([1, 1, 2]);
    expect(first.items[0]?.id).not.toBe(second.items[0]?.id);
    expect(second.items[0]?.places.text).toBe(2);
    expect((await find('whale', { offset: '10000' })).items).toEqual([]);
  });

  it('finds nothing, without complaint, for stop words, quotes and blanks', async () => {
    for (const query of ['the of', '""', '"', "'", '   ', '', '- -', '& | ! ( )']) {
      expect(await find(query)).toMatchObject({ items: [], total: 0, total_is_exact: true });
    }
  });

  it.each([
    ['', 'query'],
    ['query=a&query=b', 'query'],
    ['query=%00', 'query'],
    [`query=${'x'.repeat(10_000)}`, 'query'],
    ['query=x&limit=0', 'limit'],
    ['query=x&limit=101', 'limit'],
    ['query=x&limit=NaN', 'limit'],
    ['query=x&offset=-1', 'offset'],
    ['query=x&offset=1e9', 'offset'],
    ['query=x&offset=10001', 'offset'],
    ['query=x&offset=10%3B', 'offset'],
    ['query=x&mode=magic', 'mode'],
    ['query=x&language=klingon', 'language'],
    ['query=x&language=english%27--', 'language'],
    ['query=x&status=lost', 'status'],
    ['query=x&since=yesterday', 'since'],
    ['query=x&q=y', 'q'],
  ])('refuses ?%s, naming %s', async (search, param) => {
    expect(await ask(search)).toMatchObject({ status: 400, body: { code: 'invalid_request', param } });
  });

  it('names the languages that there are', async () => {
    expect(await ask('query=x&language=klingon')).toMatchObject({
      body: { error: expect.stringMatching(/danish.*english.*german/) },
    });
    expect((await find('whale', { language: 'english' })).total).toBe(2);
    expect((await find('whale', { language: 'german' })).total).toBe(0);
  });

  it.each(['semantic', 'hybrid'])('goes by meaning, too, and tells how much has one: %s', async mode => {
    await app.until(async () => (await find('whale', { mode })).embedded?.done === 3);
    const { items, total, embedded } = await find('Where do whales sleep at night?', { mode });
    expect({ total, embedded }).toEqual({ total: 3, embedded: { done: 3, total: 3 } });
    expect(items[0]?.highlights.prompt).toContain('<mark>whales</mark>');
    expect(items.map(({ places }) => places.semantic).sort()).toEqual([1, 2, 3]);
    expect((await find('whale', { mode, status: 'failed' })).items).toEqual([]);
    expect(await find(' ', { mode })).toMatchObject({ items: [], total: 0 });
    expect(await ask({ query: 'x', mode, language: 'klingon' })).toMatchObject({ status: 400 });
  });

  it('answers any query with 200, or 400 for what no text is', async () => {
    const odd = fc.constantFrom(
      "'; drop table exchanges; --",
      'a & | !',
      '\\',
      '\0',
      '<->',
      ':*',
      '(',
      '"',
      '-',
      '%',
    );
    const queries = fc.oneof(
      fc.array(odd, { maxLength: 4 }).map(parts => parts.join(' ')),
      fc.string({ unit: 'binary', maxLength: 40 }),
    );
    await fc.assert(
      fc.asyncProperty(queries, async query => {
        const { status } = await ask({ query });
        expect(status).toBe(query.includes('\0') ? 400 : 200);
      }),
      { numRuns: 60, examples: [['𧠚𸯉򀺔𶵒󹚟􉀭']] },
    );
    expect((await find('whale')).total).toBe(2);
  });
});

describe('GET /search without pgvector', () => {
  it('says what search by meaning lacks, and goes by words', async () => {
    const store = await openTempStore('postgresql');
    const bare = await startApp({ env: { MINIVAULT_VAULT: 'on', DATABASE_URL: store.url ?? '' } });
    try {
      await bare.until(() => bare.parts.vault.database.status().state === 'ready');
      const statusOf = async (mode: string): Promise<unknown> => {
        const answer = await fetch(`${bare.url}/search?query=whale&mode=${mode}`);
        return { status: answer.status, body: await answer.json() };
      };
      const refused = {
        status: 503,
        body: { code: 'storage_unavailable', error: expect.stringContaining('pgvector') },
      };
      expect(await statusOf('semantic')).toMatchObject(refused);
      expect(await statusOf('hybrid')).toMatchObject(refused);
      expect(await statusOf('text')).toMatchObject({ status: 200, body: { total: 0 } });
    } finally {
      await bare.close();
      await store.close();
    }
  });
});
