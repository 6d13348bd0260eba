// The page by keyboard alone: where Tab leads, what Enter and Escape do, and that one always sees where one is.
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { HAS_BROWSER } from '../../server/testing/browser.js';
import { usePages } from './open-page.js';
import { hasBegun, isWhole, turn } from './talk.js';

describe.skipIf(!HAS_BROWSER)('by keyboard alone', () => {
  const { start, open } = usePages();

  it('one skips to the content, asks, stops, edits, erases and leaves', async () => {
    const app = await start({
      plan: { tokens: 2, rules: [{ match: 'SLOW', tokens: 2_000, gap_ms: 20 }] },
    });
    const { page } = await open(app.url);
    await page.locator('.state.good').waitFor();
    await page.keyboard.press('Tab');
    await expect.poll(() => focused(page)).toBe('Skip to the content');
    await page.keyboard.press('Enter');
    await expect.poll(() => page.evaluate(() => document.activeElement?.id)).toBe('main');
    await tabTo(page, 'Your message');
    await page.keyboard.type('one two');
    await page.keyboard.press('Enter');
    await isWhole(page);
    await expect.poll(() => focused(page)).toBe('Your message');
    await page.keyboard.type('SLOW one');
    await page.keyboard.press('Enter');
    await hasBegun(page, 'one');
    await page.keyboard.press('Escape');
    await turn(page).getByText('Stopped.').waitFor();
    await tabTo(page, 'Edit', 'Shift+Tab');
    await page.keyboard.press('Enter');
    await expect.poll(() => focused(page)).toBe('Your message, edited');
    await page.keyboard.press('Escape');
    await page.locator('.editor').waitFor({ state: 'detached' });
    await tabTo(page, 'Erase one two', 'Shift+Tab');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await expect.poll(() => focused(page)).toBe('Erase one two');
    await tabTo(page, 'Keys', 'Shift+Tab');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Keys', exact: true }).waitFor();
    await tabTo(page, 'Make the first key, an admin’s');
    await page.keyboard.press('Enter');
    await page.keyboard.type('root');
    await page.keyboard.press('Escape');
    await page.locator('.key-form').waitFor({ state: 'detached' });
  });

  it('Tab goes through everything in the order in which it stands, and one always sees where', async () => {
    const app = await start({ plan: { tokens: 2 } });
    const { page } = await open(app.url);
    await page.locator('.state.good').waitFor();
    const names: string[] = [];
    for (let step = 0; step < 30; step++) {
      await page.keyboard.press('Tab');
      const name = await focused(page);
      if (name === 'Skip to the content' && step > 0) break;
      if (name === '') continue;
      names.push(name);
      const outline = await page.evaluate(
        () => getComputedStyle(document.activeElement ?? document.body).outlineStyle,
      );
      expect([name, outline]).toEqual([name, 'solid']);
    }
    expect(names).toEqual([
      'Skip to the content',
      ...['Chat', 'Queue', 'Vault', 'Documents', 'Machine', 'Keys'],
      'Theme: system',
      'New chat',
      'Settings',
      'Messages',
      'Your message',
    ]);
  });
});

/** What a screen reader would call it; empty for the page as a whole. */
function focused(page: Page): Promise<string> {
  return page.evaluate(() => {
    const element = document.activeElement;
    if (!(element instanceof HTMLElement) || element === document.body) return '';
    const label = (element as HTMLInputElement).labels?.[0]?.textContent;
    return (element.ariaLabel ?? label ?? element.textContent ?? '').trim();
  });
}

async function tabTo(page: Page, name: string, press = 'Tab'): Promise<void> {
  for (let step = 0; step < 40; step++) {
    await page.keyboard.press(press);
    if ((await focused(page)) === name) return;
  }
  throw new Error(`${press} does not lead to “${name}”.`);
}
