// The reference page in a real browser, which sends no key by itself.
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { HAS_BROWSER, launchBrowser } from '../testing/browser.js';
import { startApp } from '../testing/start-app.js';

const UNPACKING_MS = 120_000;
const KEY = 'canary-0f6a3d5c1b2e4987';

describe.skipIf(!HAS_BROWSER)('the reference page', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser();
  }, UNPACKING_MS);
  afterAll(() => browser.close());

  async function open(env: Record<string, string>): Promise<{ page: Page; faults: string[] }> {
    const app = await startApp({ env });
    onTestFinished(() => app.close());
    const page = await browser.newPage();
    onTestFinished(() => page.close());
    const faults: string[] = [];
    page.on('pageerror', error => faults.push(String(error)));
    await page.goto(`${app.url}/docs`);
    return { page, faults };
  }

  it('shows every route at once while there are no keys', async () => {
    const { page, faults } = await open({});
    await page.waitForSelector('#operations-minivault-postGenerate');
    expect(await page.locator('form').count()).toBe(0);
    expect(faults).toEqual([]);
  });

  it('asks for a key where one is needed, and tries the routes out with it', {
    timeout: UNPACKING_MS,
  }, async () => {
    const { page, faults } = await open({ API_KEY: KEY });
    const key = page.locator('input[name=key]');
    await key.fill('wrong');
    await page.click('button');
    await page.waitForFunction("document.querySelector('output').textContent.includes('not valid')");
    await key.fill(KEY);
    await page.click('button');
    await page.click('[id$="-getV1Models"]');
    await page.click('[id$="-getV1Models"] .try-out__btn');
    const [answer] = await Promise.all([
      page.waitForResponse(response => response.url().endsWith('/v1/models')),
      page.click('[id$="-getV1Models"] .execute'),
    ]);
    expect(answer.status()).toBe(200);
    expect(answer.request().headers()['x-api-key']).toBe(KEY);
    expect(await page.evaluate('JSON.stringify([{ ...localStorage }, { ...sessionStorage }])')).toBe(
      '[{},{}]',
    );
    expect(faults).toEqual([]);
  });
});
