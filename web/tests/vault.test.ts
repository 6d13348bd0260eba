// The vault in a real browser: found again, told apart, asked again, taken away, erased.
import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HAS_BROWSER } from '../../server/testing/browser.js';
import { type StartedApp, startApp } from '../../server/testing/start-app.js';
import { until } from '../../server/testing/until.js';
import { expectAccessible } from './accessibility.js';
import { usePages } from './open-page.js';

/** As long as a busy machine may take over what a person waits for. */
const SOON_MS = 15_000;
const HOSTILE = '<img src=x onerror="document.title=1"> lighthouse <script>document.title=1</script>';
const CHAT = '0b6c7e52-7f0e-4f0f-9d51-0c6d7a1b2c3d';

describe.skipIf(!HAS_BROWSER)('the vault', () => {
  const pages = usePages();
  let app: StartedApp;

  beforeAll(async () => {
    app = await startApp({
      vault: true,
      plan: {
        tokens: 12,
        rules: [
          { match: 'DIES', at: 1, do: 'raise', times: 1 },
          { match: 'markdown', text: 'A **bold** lighthouse\n\n- one\n- two\n' },
        ],
      },
    });
    await app.ready();
    for (let index = 0; index < 27; index++) await ask({ prompt: `Filler number ${index}` });
    await ask({ prompt: `Tell me of ${HOSTILE}` });
    await ask({ prompt: 'A lighthouse in markdown' });
    await ask({ prompt: 'This one DIES' });
    await fetch(`${app.url}/v1/responses`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ input: 'Name a colour of a chat.', max_output_tokens: 5, chat_id: CHAT }),
    }).then(answer => answer.json());
    await app.until(() => app.parts.vault.caughtUp());
  });
  afterAll(() => app?.close());

  async function ask(body: object): Promise<void> {
    const answer = await fetch(`${app.url}/generate`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    await answer.text();
  }

  async function open(address: string): Promise<Page> {
    const { page } = await pages.open(app.url, { address });
    await page.locator('main h1').waitFor();
    return page;
  }

  const entries = (page: Page) => page.locator('.entry');
  const hasEntries = (page: Page, count: number) =>
    until(async () => (await entries(page).count()) === count, SOON_MS);

  it('lists all, newest first, page by page, and back leads back', async () => {
    const page = await open('/vault');
    await page.getByText('31 exchanges, the newest first').waitFor();
    await hasEntries(page, 25);
    await expect(entries(page).first().textContent()).resolves.toContain('Name a colour of a chat.');
    await page.getByRole('link', { name: 'Older' }).click();
    await hasEntries(page, 6);
    await page.reload();
    await hasEntries(page, 6);
    await page.goBack();
    await hasEntries(page, 25);
  });

  it('finds by words and filters from the keyboard, keeps both in the address, and marks what matches', async () => {
    const page = await open('/vault');
    await page.getByLabel('Look for').fill('lighthouse');
    await page.keyboard.press('Enter');
    await page.getByText('2 exchanges found, the best first.').waitFor();
    expect(await page.locator('.entry mark').count()).toBeGreaterThan(1);
    await page.getByText('Filters', { exact: true }).click();
    await page.getByLabel('Ended').selectOption('failed');
    await page.getByLabel('Look for').press('Enter');
    await page.getByText('Nothing was found.').waitFor();
    expect(page.url()).toContain('#/vault?query=lighthouse&status=failed');
    await page.reload();
    await page.getByText('Nothing was found.').waitFor();
    await expect(page.getByLabel('Ended').inputValue()).resolves.toBe('failed');
    await page.goBack();
    await page.getByText('2 exchanges found, the best first.').waitFor();
    await expect(page.getByLabel('Ended').inputValue()).resolves.toBe('');
  });

  it('shows what hostile words are, and runs none of them, also where a passage came unescaped', async () => {
    const page = await open('/vault');
    await entries(page).getByText('onerror').first().waitFor();
    await page.route('**/search?*', async route => {
      const answer = await (await route.fetch()).json();
      for (const { highlights } of answer.items)
        highlights.response = `<mark onclick="x">lit</mark> ${HOSTILE}`;
      await route.fulfill({ json: answer });
    });
    await page.goto(`${app.url}/#/vault?query=lighthouse`);
    await page.locator('.entry mark', { hasText: 'lit' }).first().waitFor();
    expect(await page.locator('.entry :is(img, script, [onclick])').count()).toBe(0);
    expect(await page.title()).toContain('minivault');
  });

  it('says why when the database is away, and asks again when told to', async () => {
    const page = await open('/machine');
    await page.route('**/history?*', route =>
      route.fulfill({
        status: 503,
        headers: { 'Retry-After': '2' },
        json: { error: 'The database is away.', code: 'storage_unavailable' },
      }),
    );
    await page.goto(`${app.url}/#/vault`);
    await page.getByText('The database is away. Try again in 2 s.').waitFor();
    await page.unroute('**/history?*');
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByText('31 exchanges').waitFor();
  });

  it.each(['JSONL', 'CSV'])('hands out what the filters let through as %s', async format => {
    const page = await open('/vault?status=failed');
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: `Export as ${format}` }).click();
    const file = await download;
    expect(file.suggestedFilename()).toMatch(new RegExp(`^minivault-history-.*\\.${format.toLowerCase()}$`));
    const lines = (await readFile(await file.path(), 'utf8')).trimEnd().split('\n');
    expect(lines).toHaveLength(format === 'CSV' ? 2 : 1);
    expect(lines.at(-1)).toContain('DIES');
  });

  it('shows one exchange with its receipt, asks it again and leads to the new one', async () => {
    const page = await open('/vault?query=markdown');
    await entries(page).getByRole('link').first().click();
    await page.locator('.markdown strong', { hasText: 'bold' }).waitFor();
    const [kept] = (await app.readLog()).filter(({ prompt }) => String(prompt).includes('markdown'));
    const { id, parameters } = kept as { id: string; parameters: { seed: number } };
    await page.getByText(id, { exact: true }).waitFor();
    await page.getByText(String(parameters.seed), { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Ask again and compare' }).click();
    await page.getByText('The same text again.').waitFor();
    await page.getByRole('link', { name: 'The new exchange' }).click();
    await page.getByText('This was asked again').waitFor();
  });

  it('shows word by word where two answers part', async () => {
    const page = await open('/vault?query=markdown');
    await page.route('**/replay', async route => {
      const answer = await (await route.fetch()).json();
      await route.fulfill({
        json: {
          ...answer,
          equal: false,
          note: 'The same text was not to be expected: engine.',
          other_conditions: [{ name: 'engine', original: 'torch', replay: 'fake' }],
          first_difference: { offset: 2, original: 'calm', replay: 'wild' },
          changes: [
            { type: 'same', text: 'A ' },
            { type: 'removed', text: 'calm' },
            { type: 'added', text: 'wild' },
          ],
        },
      });
    });
    await entries(page).getByRole('link').first().click();
    await page.getByRole('button', { name: 'Ask again and compare' }).click();
    await page.getByText('The same for 2 characters, then another text.').waitFor();
    await expect(page.locator('.diff del').textContent()).resolves.toBe('calm');
    await expect(page.locator('.diff ins').textContent()).resolves.toBe('wild');
    await page.getByText('engine: torch then, fake now').waitFor();
    await expectAccessible(page);
  });

  it('offers to ask the model that is served now when another one answered', async () => {
    const page = await open('/vault?query=markdown');
    await page.route(/\/replay$/, route =>
      route.fulfill({ status: 409, json: { error: 'Another model.', code: 'model_changed' } }),
    );
    await entries(page).getByRole('link').first().click();
    await page.getByRole('button', { name: 'Ask again and compare' }).click();
    await page.getByRole('button', { name: 'Ask the model that is served now' }).click();
    await page.getByText('The same text again.').waitFor();
  });

  it('leads from an exchange to its chat', async () => {
    const page = await open('/vault?query=colour');
    await entries(page).getByRole('link').first().click();
    await page.getByRole('link', { name: 'Continue in the chat' }).click();
    await page.waitForURL(`**/#/chat/${CHAT}`);
  });

  it('erases for good, but not before it was said twice', async () => {
    await ask({ prompt: 'To be forgotten' });
    await app.until(() => app.parts.vault.caughtUp());
    const page = await open('/vault?query=forgotten');
    await entries(page).getByRole('link').first().click();
    await page.getByRole('button', { name: 'Erase' }).click();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Erase' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Erase' }).click();
    await page.getByText('Nothing was found.').waitFor();
    await until(async () => !(await app.readLog()).some(({ prompt }) => prompt === 'To be forgotten'));
  });

  it(
    'finds by meaning, and says what found it',
    async () => {
      const page = await open('/vault');
      await page.getByLabel('Both').check();
      await page.getByLabel('Look for').fill('lighthouse');
      await page.keyboard.press('Enter');
      const told = page.getByRole('status').filter({ hasText: /found|match/ });
      // Vectors are made while nobody has asked the embedder for 3 s: one looks again, but not at once.
      await until(async () => {
        await told.waitFor();
        if (!(await told.textContent())?.includes('can be found by meaning yet')) return true;
        await page.waitForTimeout(6_000);
        await page.reload();
        return false;
      }, 3 * SOON_MS);
      await entries(page).getByText('by meaning').first().waitFor();
    },
    4 * SOON_MS,
  );

  it('is for everybody to read as a list, too, light, dark and narrow', async () => {
    const page = await open('/vault?query=lighthouse&status=completed');
    await entries(page).first().waitFor();
    await expectAccessible(page);
  });
});
