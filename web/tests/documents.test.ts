// Documents in a real browser: dropped, told of one by one, asked, read at a place, erased.
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HAS_BROWSER } from '../../server/testing/browser.js';
import { type StartedApp, startApp } from '../../server/testing/start-app.js';
import { expectAccessible } from './accessibility.js';
import { usePages } from './open-page.js';

const SENTENCE = 'The keeper lights the lamp at dusk. ';
const LONG_CHARACTERS = 600_000;
const file = (name: string, text: string, mimeType = 'text/plain') => ({
  name,
  mimeType,
  buffer: Buffer.from(text),
});

describe.skipIf(!HAS_BROWSER)('documents', () => {
  const pages = usePages();
  let app: StartedApp;

  beforeAll(async () => {
    app = await startApp({ vault: true });
    await app.ready();
  });
  afterAll(() => app?.close());

  async function open(address: string): Promise<Page> {
    const { page } = await pages.open(app.url, { address });
    await page.locator('main h1').waitFor();
    return page;
  }

  async function store(text: string): Promise<string> {
    const answer = await fetch(`${app.url}/api/v1/documents/add`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ documents: [text] }),
    });
    const { ids } = (await answer.json()) as { ids: string[] };
    return String(ids[0]);
  }

  it('says what to do while there are none', async () => {
    const page = await open('/documents');
    await page.getByText('Nothing yet. Drop files above, or add a text.').waitFor();
  });

  it('tells of each file what became of it', async () => {
    const page = await open('/documents');
    await page
      .locator('input[type=file]')
      .setInputFiles([
        file('lamp.txt', SENTENCE),
        file('lamp-again.txt', SENTENCE),
        file('broken.pdf', 'no pdf at all', 'application/pdf'),
        file('notes.md', '# Bread\n\nIt is baked in the morning.', 'text/markdown'),
      ]);
    const uploads = page.getByRole('list', { name: 'Files' }).getByRole('listitem');
    await uploads.nth(0).getByText('Stored in 1 stretch.').waitFor();
    await uploads.nth(1).getByText('Its text is stored already.').waitFor();
    await uploads.nth(2).getByRole('alert').waitFor();
    expect(await uploads.nth(2).getByRole('alert').textContent()).toContain('broken.pdf');
    await uploads.nth(3).getByText('Stored in 1 stretch.').waitFor();
    await page.getByText('2 documents, the newest first').waitFor();
    await expectAccessible(page);
    await page.getByRole('button', { name: 'Clear the list' }).click();
    await uploads.first().waitFor({ state: 'detached' });
  });

  it('takes files that are dropped', async () => {
    const page = await open('/documents');
    const dropped = await page.evaluateHandle(() => {
      const transfer = new DataTransfer();
      transfer.items.add(new File(['Dropped from the desk.'], 'desk.txt', { type: 'text/plain' }));
      return transfer;
    });
    await page.locator('.drop').dispatchEvent('drop', { dataTransfer: dropped });
    await page.getByText('desk.txt').first().waitFor();
    await page.getByText('Stored in 1 stretch.').waitFor();
  });

  it('shows how much of a file is sent, and lets go of it when told to', async () => {
    const page = await open('/documents');
    await page.route('**/documents/upload', async () => {});
    await page
      .locator('input[type=file]')
      .setInputFiles([file('slow.txt', 'slow'), file('next.txt', 'next')]);
    await page.getByRole('progressbar', { name: /slow.txt/ }).waitFor();
    await page.getByText('Waits for the one before.').waitFor();
    await page.getByRole('button', { name: 'Cancel slow.txt' }).click();
    await page.getByText('Cancelled.').waitFor();
    await page.getByRole('progressbar', { name: /next.txt/ }).waitFor();
    await page.getByRole('button', { name: 'Cancel next.txt' }).click();
    await page.unroute('**/documents/upload');
    await page.getByRole('button', { name: 'Try again: slow.txt' }).click();
    await page.getByText('Stored in 1 stretch.').waitFor();
  });

  it('stores a text that is typed, shows it, and erases it when that is confirmed', async () => {
    const page = await open('/documents');
    await page.getByText('Add a text', { exact: true }).click();
    await page.getByLabel('Title').fill('Tides');
    await page.getByLabel('Text', { exact: true }).fill('The tide turns twice a day.');
    await page.getByRole('button', { name: 'Store it' }).click();
    await page.getByRole('link', { name: 'Tides' }).click();
    await page.getByRole('heading', { name: 'Tides' }).waitFor();
    await page.getByText('The tide turns twice a day.').waitFor();
    await page.getByRole('button', { name: 'Erase' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Erase' }).click();
    await page.getByRole('heading', { name: 'Documents' }).waitFor();
    await page.getByText(/documents, the newest first/).waitFor();
    expect(await page.getByRole('link', { name: 'Tides' }).count()).toBe(0);
  });

  it('tries a question, draws each similarity against what is needed, and leads to the place', async () => {
    await store(SENTENCE);
    const page = await open('/documents');
    await page.getByLabel('Question', { exact: true }).fill(SENTENCE.trim());
    await page.keyboard.press('Enter');
    await page.getByText(/an answer would rest on \d+ with a similarity of at least 0.7/).waitFor();
    const first = page.locator('.passage').first();
    await first.getByRole('img', { name: /^Similarity 1\.00, needed 0\.7$/ }).waitFor();
    await first.getByText('would ground an answer').waitFor();
    expect(page.url()).toContain('#/documents?query=');
    await page.reload();
    await first.getByText('would ground an answer').waitFor();
    await expectAccessible(page);
    await first.getByRole('link').click();
    await page.locator('mark').first().waitFor();
    expect(await page.locator('mark').allTextContents()).toEqual([SENTENCE.trimEnd()]);
  });

  it('are what an answer rests on, which leads from the vault to the place', async () => {
    await store(SENTENCE);
    const prompt = SENTENCE.trim();
    const answer = await fetch(`${app.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ messages: [{ role: 'user', content: prompt }], documents: true }),
    });
    expect(await answer.json()).not.toHaveProperty('error');
    const page = await open(`/vault/${answer.headers.get('X-Exchange-Id')}`);
    await page.getByText('1 source', { exact: true }).click();
    await page.locator('.sources').getByRole('link').click();
    await page.locator('mark').first().waitFor();
    expect(await page.locator('mark').allTextContents()).toEqual([prompt]);
  });

  it('knows no similarity where it looks for words alone', async () => {
    const page = await open('/documents?query=keeper&mode=text');
    await page.getByText(/found by words alone/).waitFor();
    await page.locator('.passage').getByText('similarity not known').first().waitFor();
    expect(await page.locator('.score').count()).toBe(0);
  });

  it('draws a long document at its place without holding up the page', async () => {
    const text = SENTENCE.repeat(Math.ceil(LONG_CHARACTERS / SENTENCE.length));
    const [start, end] = [text.length - 5_000, text.length - 4_900];
    const page = await open('/documents');
    await page.route('**/api/v1/documents/long', route =>
      route.fulfill({
        json: {
          id: 'long',
          filename: 'long.txt',
          media_type: 'text/plain',
          metadata: {},
          characters: text.length,
          chunks: 900,
          created_at: '2026-11-27T12:00:00Z',
          content: text,
        },
      }),
    );
    await page.evaluate(() => {
      const state = window as unknown as { longest: number };
      state.longest = 0;
      new PerformanceObserver(list => {
        for (const { duration } of list.getEntries()) state.longest = Math.max(state.longest, duration);
      }).observe({ entryTypes: ['longtask'] });
    });
    await page.evaluate(address => {
      location.hash = address;
    }, `#/documents/long/${start}-${end}`);
    await page.locator('mark').first().waitFor();
    expect((await page.locator('mark').allTextContents()).join('')).toBe(text.slice(start, end));
    await app.until(() =>
      page
        .locator('mark')
        .first()
        .evaluate(mark => {
          const { top, bottom } = mark.getBoundingClientRect();
          return top >= 0 && bottom <= innerHeight;
        }),
    );
    // On a busy machine a task may take several times as long as it computes; a layout of all of it takes seconds.
    expect(await page.evaluate(() => (window as unknown as { longest: number }).longest)).toBeLessThan(2_000);
  });

  it.each([
    ['storage_unavailable', 'PostgreSQL has no pgvector: install it, then CREATE EXTENSION vector.'],
    ['embedder_mismatch', 'run npm run reembed, or set EMBEDDING_MODEL back.'],
  ])('shows the remedy where documents cannot be asked: %s', async (code, remedy) => {
    const page = await open('/queue');
    await page.route('**/api/v1/documents/search?*', route =>
      route.fulfill({ status: 503, json: { error: remedy, code } }),
    );
    await page.goto(`${app.url}/#/documents?query=lamp`);
    await page.getByText(remedy).waitFor();
    await page.unroute('**/api/v1/documents/search?*');
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.locator('.passage').first().waitFor();
  });

  it('says so when there is no such document or no such place', async () => {
    const id = await store('Short.');
    const page = await open(`/documents/${id}/100-200`);
    await page.getByText('The document has no place 100-200.').waitFor();
    await expectAccessible(page);
    await page.goto(`${app.url}/#/documents/0b6c7e52-7f0e-4f0f-9d51-0c6d7a1b2c3d`);
    await page
      .getByRole('alert')
      .getByText(/no document/i)
      .waitFor();
  });
});
