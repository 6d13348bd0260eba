// Signing in and out in a real browser.
import { describe, expect, it } from 'vitest';
import { HAS_BROWSER } from '../../server/testing/browser.js';
import { expectAccessible } from './accessibility.js';
import { usePages } from './open-page.js';
import { expectAnswer, isWhole, say } from './talk.js';

const KEY = 'the-key-of-this-test-0f6a3d5c';

describe.skipIf(!HAS_BROWSER)('signing in', () => {
  const { start, open } = usePages();

  it('refuses a wrong key, takes the right one for this tab alone, and forgets everything on signing out', async () => {
    const app = await start({ plan: { tokens: 2 }, env: { API_KEY: KEY } });
    const { page, another } = await open(app.url);
    const field = page.getByLabel('Key', { exact: true });
    await field.waitFor();
    await expectAccessible(page);
    for (const wrong of ['wrong', 'ключ']) {
      await field.fill(wrong);
      await page.keyboard.press('Enter');
      await page.getByText('The gateway does not take this key.').waitFor();
      await page.locator('#fault:empty').waitFor({ state: 'detached' });
    }
    await expectAccessible(page);
    expect(await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]))).toBe(
      '[{},{}]',
    );
    await field.fill(KEY);
    await page.keyboard.press('Enter');
    await say(page, 'secret words');
    await isWhole(page);
    await page.reload();
    await expectAnswer(page, 'secret words');
    // Another tab has to sign in for itself.
    const other = await another('/');
    await other.getByLabel('Key', { exact: true }).waitFor();
    await page.getByLabel('Your message', { exact: true }).fill('not sent yet');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await field.waitFor();
    expect(await page.content()).not.toContain('secret words');
    const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
    expect(kept).not.toMatch(/secret words|not sent yet|the-key/);
  });

  it('keeps the key in this browser where that is asked, until somebody signs out in one of its tabs', async () => {
    const app = await start({ vault: false, env: { API_KEY: KEY } });
    const { page, another } = await open(app.url, { address: '/queue' });
    await page.getByLabel('Key', { exact: true }).fill(KEY);
    await page.getByLabel('Keep it in this browser').check();
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.locator('.state.good').waitFor();
    const other = await another('/queue');
    await other.locator('.state.good').waitFor();
    await other.getByRole('button', { name: 'Sign out' }).click();
    for (const tab of [page, other]) await tab.getByLabel('Key', { exact: true }).waitFor();
  });

  it('asks for a key when the one in use has ended, and the question that was asked meanwhile is not lost', async () => {
    const app = await start({ plan: { tokens: 2 }, env: { API_KEY: KEY } });
    const made = await fetch(`${app.url}/admin/keys`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'X-API-Key': KEY },
      body: JSON.stringify({ name: 'alice' }),
    });
    const { secret } = (await made.json()) as { secret: string };
    const { page } = await open(app.url, { key: secret });
    await page.locator('.state.good').waitFor();
    await fetch(`${app.url}/admin/keys/alice`, { method: 'DELETE', headers: { 'X-API-Key': KEY } });
    await say(page, 'kept question');
    await page.getByText('The gateway does not take this key.').waitFor();
    await page.getByLabel('Key', { exact: true }).fill(KEY);
    await page.getByRole('button', { name: 'Sign in' }).click();
    const field = page.getByLabel('Your message', { exact: true });
    await expect.poll(() => field.inputValue()).toBe('kept question');
    await page.getByRole('button', { name: 'Send' }).click();
    await isWhole(page);
    await expectAnswer(page, 'kept question');
  });
});
