// Keys in a real browser: the first one, what an admin does with them, and what a user is told.
import { describe, expect, it } from 'vitest';
import { HAS_BROWSER } from '../../server/testing/browser.js';
import { expectAccessible } from './accessibility.js';
import { usePages } from './open-page.js';

const ADMIN = 'admin-key-of-this-test';

describe.skipIf(!HAS_BROWSER)('keys', () => {
  const { start, open } = usePages();

  it('leads from no key to the first, an admin’s, with which the page goes on', async () => {
    const app = await start({ vault: false });
    const { page } = await open(app.url, { address: '/keys' });
    await page.getByText('Nobody needs a key now.').waitFor();
    await expectAccessible(page);
    await page.getByRole('button', { name: 'Make the first key, an admin’s' }).click();
    expect(await page.getByLabel('Role').isDisabled()).toBe(true);
    await page.getByLabel('Name').fill('root');
    await expectAccessible(page);
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog');
    await dialog.getByText('never again').waitFor();
    await expectAccessible(page);
    const secret = await dialog.getByLabel('Key').inputValue();
    expect(secret).toMatch(/^mv_[\w-]{43}$/);
    await page.keyboard.press('Escape');
    expect(await dialog.count()).toBe(1);
    await dialog.getByRole('button', { name: 'Copy' }).click();
    await dialog.getByText('Copied.').waitFor();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(secret);
    await dialog.getByRole('button', { name: 'I have kept it' }).click();
    await page.getByRole('heading', { name: 'root (yours)' }).waitFor();
    expect(await page.content()).not.toContain(secret);
    expect((await fetch(`${app.url}/v1/queue`)).status).toBe(401);
    await page.getByText('Made the key root').waitFor();
    await expectAccessible(page);
  });

  it('makes, changes, renews and revokes a user’s key', async () => {
    const app = await start({ vault: false, env: { API_KEY: ADMIN } });
    const { page } = await open(app.url, { address: '/keys', key: ADMIN });
    await page.getByRole('button', { name: 'New key' }).click();
    await page.getByLabel('Name').fill('bad name');
    await page.keyboard.press('Enter');
    await page.locator('.key-form .fault').getByText('name').waitFor();
    await page.getByLabel('Name').fill('alice');
    await page.getByLabel('embed').uncheck();
    await page.getByLabel('Requests at once').fill('2');
    await page.getByLabel('Ends').fill('2099-12-31T23:00');
    await page.getByRole('button', { name: 'Make the key' }).click();
    const dialog = page.getByRole('dialog');
    const first = await dialog.getByLabel('Key').inputValue();
    await dialog.getByRole('button', { name: 'I have kept it' }).click();
    const asAlice = (secret: string) =>
      fetch(`${app.url}/v1/usage`, { headers: { Authorization: `Bearer ${secret}` } });
    expect(await (await asAlice(first)).json()).toMatchObject({ caller: 'alice', concurrency: 2 });
    const alice = page.locator('.key-item');
    await alice.getByText('generate, history, documents:read, documents:write').waitFor();

    await page.getByRole('button', { name: 'Change alice' }).click();
    await page.getByLabel('Tokens a day').fill('5000');
    await page.getByLabel('Requests at once').fill('');
    await alice.getByRole('button', { name: 'Change', exact: true }).click();
    await alice.getByText('5,000').waitFor();
    expect(await (await asAlice(first)).json()).toMatchObject({ concurrency: null, tokens_per_day: 5_000 });

    await page.getByRole('button', { name: 'New secret for alice' }).click();
    await expectAccessible(page);
    await page.getByLabel('The former secret').selectOption('works for an hour more');
    await page.getByRole('button', { name: 'Make a new secret' }).click();
    const second = await dialog.getByLabel('Key').inputValue();
    await dialog.getByRole('button', { name: 'I have kept it' }).click();
    await alice.getByText('Former secret').waitFor();
    expect([(await asAlice(first)).status, (await asAlice(second)).status]).toEqual([200, 200]);

    await page.getByRole('button', { name: 'Revoke alice' }).click();
    await dialog.getByRole('button', { name: 'Revoke' }).click();
    await page.getByRole('heading', { name: 'Revoked and expired' }).waitFor();
    expect([(await asAlice(first)).status, (await asAlice(second)).status]).toEqual([401, 401]);
    expect(await alice.getByRole('button').count()).toBe(0);
    await page.getByText('Revoked the key alice').waitFor();
    await page.getByText('tokens per day: none → 5000').waitFor();
    await expectAccessible(page);
  });

  it('asks twice before the last admin’s key goes, and then asks for a key', async () => {
    const app = await start({ vault: false });
    const made = await fetch(`${app.url}/admin/keys`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ name: 'root', role: 'admin' }),
    });
    const { secret } = (await made.json()) as { secret: string };
    const { page } = await open(app.url, { address: '/keys', key: secret });
    const dialog = page.getByRole('dialog');
    await page.getByRole('button', { name: 'Revoke root' }).click();
    await dialog.getByRole('button', { name: 'Revoke', exact: true }).click();
    await dialog.getByText('the last admin’s key').waitFor();
    await page.keyboard.press('Escape');
    expect((await fetch(`${app.url}/v1/queue`, { headers: { 'X-API-Key': secret } })).status).toBe(200);
    await page.getByRole('button', { name: 'Revoke root' }).click();
    await dialog.getByRole('button', { name: 'Revoke', exact: true }).click();
    await dialog.getByRole('button', { name: 'Revoke it all the same' }).click();
    await page.getByRole('heading', { name: 'minivault' }).waitFor();
    await page.getByText('The gateway does not take this key.').waitFor();
  });

  it('tells a user that this is for admins, and what the own key has used', async () => {
    const app = await start({ vault: false, env: { API_KEY: ADMIN } });
    const made = await fetch(`${app.url}/admin/keys`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'X-API-Key': ADMIN },
      body: JSON.stringify({ name: 'alice', limits: { tokens_per_day: 100 } }),
    });
    const { secret } = (await made.json()) as { secret: string };
    const { page } = await open(app.url, { address: '/keys', key: secret });
    await page.getByText('Yours is a user’s').waitFor();
    await page.getByRole('heading', { name: 'Used today by alice' }).waitFor();
    await page.getByText('0 of 100').waitFor();
    expect(await page.getByRole('button', { name: 'New key' }).count()).toBe(0);
    await expectAccessible(page);
  });

  it('shows the audit page by page, newest first', async () => {
    const app = await start({ vault: false, env: { API_KEY: ADMIN } });
    for (let number = 0; number < 30; number++) {
      await fetch(`${app.url}/admin/keys`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', 'X-API-Key': ADMIN },
        body: JSON.stringify({ name: `key-${number}` }),
      });
    }
    const { page } = await open(app.url, { address: '/keys', key: ADMIN });
    const rows = page.locator('tbody tr');
    await expect.poll(() => rows.count()).toBe(25);
    expect(await rows.first().innerText()).toContain('Made the key key-29');
    await page.getByRole('button', { name: 'Older ones' }).click();
    await expect.poll(() => rows.count()).toBe(30);
    expect(await rows.last().innerText()).toContain('Made the key key-0');
    expect(await page.getByRole('button', { name: 'Older ones' }).count()).toBe(0);
  });
});
