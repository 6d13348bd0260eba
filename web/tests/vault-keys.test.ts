// The vault and the documents where keys are on: each sees its own, takes its own away, and is told what it may not.
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HAS_BROWSER } from '../../server/testing/browser.js';
import { post, useCallerKeys } from '../../server/testing/caller-keys.js';
import { type StartedApp, startApp } from '../../server/testing/start-app.js';
import { expectAccessible } from './accessibility.js';
import { usePages } from './open-page.js';

describe.skipIf(!HAS_BROWSER)('with keys on', () => {
  const pages = usePages();
  const keys = useCallerKeys();
  let app: StartedApp;

  beforeAll(async () => {
    app = await startApp({ vault: true, env: keys.env() });
    await app.ready();
  });
  afterAll(() => app?.close());

  const make = async (...scopes: ('generate' | 'history' | 'documents:read')[]) => {
    const headers = await keys.make({ scopes }, app);
    return { headers, key: headers.Authorization?.slice('Bearer '.length) ?? '' };
  };

  it('the vault lists and exports what this key has asked, and nothing of another', async () => {
    const [mine, other] = [await make('generate', 'history'), await make('generate')];
    await post(app, '/generate', mine.headers, { prompt: 'What I asked' });
    await post(app, '/generate', other.headers, { prompt: 'What they asked' });
    await app.until(() => app.parts.vault.caughtUp());
    const { page } = await pages.open(app.url, { address: '/vault', key: mine.key });
    await page.getByText('1 exchange, the newest first').waitFor();
    await page.getByRole('link', { name: 'What I asked' }).waitFor();
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Export as JSONL' }).click();
    const lines = (await readFile(await (await download).path(), 'utf8')).trimEnd().split('\n');
    expect(lines.map(line => JSON.parse(line).prompt)).toEqual(['What I asked']);
  });

  it('a key that may not is told so in place, and is not signed out', async () => {
    const { key } = await make('generate');
    const { page } = await pages.open(app.url, { address: '/vault', key });
    await page
      .getByRole('alert')
      .getByText(/history/)
      .waitFor();
    await page.getByText('Sign in with a key that may').waitFor();
    await expectAccessible(page);
    await page.getByRole('link', { name: 'Documents' }).click();
    await page
      .getByRole('alert')
      .getByText(/documents:read/)
      .waitFor();
  });

  it('a file of a key that may only read is refused with the reason beside it', async () => {
    const { key } = await make('documents:read');
    const { page } = await pages.open(app.url, { address: '/documents', key });
    await page.getByText('Nothing yet.').waitFor();
    await page
      .locator('input[type=file]')
      .setInputFiles([{ name: 'mine.txt', mimeType: 'text/plain', buffer: Buffer.from('Words.') }]);
    await page
      .locator('.upload')
      .getByRole('alert')
      .getByText(/documents:write/)
      .waitFor();
  });
});
