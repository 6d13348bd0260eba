// The pictures of the page in docs/screenshots. `npm run screenshots` takes them, of a gateway with the fake engine and
// sample data made here; every other run checks that those which the README shows are there.
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { HAS_BROWSER } from '../../server/testing/browser.js';
import { usePages } from './open-page.js';
import { KEY, makeSamples, PLAN } from './sample-data.js';

const ROOT = path.resolve(import.meta.dirname, '..', '..');
const FOLDER = path.join(ROOT, 'docs', 'screenshots');
const MAX_BYTES = 150_000;
const TAKING_MS = 300_000;
const CURVES_MS = 40_000;
const isTaking = process.env.MODE === 'screenshots';
const THEMES = ['light', 'dark'] as const;

describe.skipIf(!HAS_BROWSER || !isTaking)('pictures', () => {
  const { start, open } = usePages();

  it('of every view, light and dark', { timeout: TAKING_MS }, async () => {
    mkdirSync(FOLDER, { recursive: true });
    const app = await start({ plan: PLAN, env: { API_KEY: KEY } });
    const { chat, exchange, document } = await makeSamples(app);
    const { page } = await open(app.url, { key: KEY });
    const views: readonly (readonly [name: string, address: string, isThere: string])[] = [
      ['chat', `/chat/${chat}`, '.turn .figures'],
      ['queue', '/queue', 'main table, main li'],
      ['vault', '/vault', 'main a[href*="/vault/"]'],
      ['exchange', `/vault/${exchange}`, 'main dl, main table'],
      ['documents', '/documents', 'main a[href*="/documents/"]'],
      ['document', `/documents/${document}`, 'main h1'],
      ['machine', '/machine', 'main canvas'],
      ['keys', '/keys', '.key-item'],
    ];
    for (const [name, address, isThere] of views) {
      await page.goto(`${app.url}/#${address}`);
      await page.locator(isThere).first().waitFor();
      // The curves of the machine are drawn of what the page has seen of it.
      if (name === 'machine') await page.waitForTimeout(CURVES_MS);
      await inBothThemes(page, name);
    }
    await page.setViewportSize({ width: 360, height: 740 });
    await page.goto(`${app.url}/#/chat/${chat}`);
    await page.locator('.turn .figures').first().waitFor();
    await inBothThemes(page, 'chat-narrow');
    const { page: stranger } = await open(app.url, { viewport: { width: 800, height: 600 } });
    await stranger.getByLabel('Key', { exact: true }).waitFor();
    await inBothThemes(stranger, 'sign-in');
  });
});

async function inBothThemes(page: Page, name: string): Promise<void> {
  for (const colorScheme of THEMES) {
    await page.emulateMedia({ colorScheme });
    // Charts are drawn anew in the other theme's colours.
    await page.waitForTimeout(500);
    await page.screenshot({ path: path.join(FOLDER, `${name}-${colorScheme}.png`), animations: 'disabled' });
  }
}

describe('the pictures in the README', () => {
  const readme = readFileSync(path.join(ROOT, 'README.md'), 'utf8');
  const named = [...readme.matchAll(/docs\/screenshots\/([\w-]+\.png)/g)].map(([, name = '']) => name);

  it('are there, and small', () => {
    expect(named.length).toBeGreaterThan(0);
    for (const name of named) expect(statSync(path.join(FOLDER, name)).size).toBeLessThan(MAX_BYTES);
  });

  it('are all that there are, each view in both themes', () => {
    expect([...new Set(named)].sort()).toEqual(readdirSync(FOLDER).sort());
    for (const name of named) {
      const other = name.includes('-light')
        ? name.replace('-light', '-dark')
        : name.replace('-dark', '-light');
      expect(named).toContain(other);
    }
  });
});
