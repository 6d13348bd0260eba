// The chat in a real browser with the real model: asked by a person, answered on this machine.
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { HAS_BROWSER } from '../../server/testing/browser.js';
import { usePages } from './open-page.js';
import { answer, isWhole, say, turn } from './talk.js';

const LOADING_MS = 240_000;
const REAL = {
  MINIVAULT_ENGINE: 'batched',
  MINIVAULT_DATA_DIR: path.resolve(import.meta.dirname, '..', '..', 'data'),
} as const;

describe.skipIf(!HAS_BROWSER)('the chat with the real model', () => {
  const { start, open } = usePages();

  it('waits while the model loads, answers, remembers what was said, and has it all after a reload', {
    timeout: 2 * LOADING_MS,
  }, async () => {
    const app = await start({ env: REAL, waitsForModel: false });
    const { page } = await open(app.url);
    page.setDefaultTimeout(LOADING_MS);
    await page.getByRole('button', { name: 'Settings' }).click();
    await page.getByLabel('Temperature').fill('0');
    await page.getByLabel('Longest answer').fill('40');
    await say(page, 'What is the capital of France? Answer in one sentence.');
    await isWhole(page);
    expect(await answer(page).innerText()).toContain('Paris');
    expect(await turn(page).locator('.figures').innerText()).toMatch(/tokens\/s/);
    await say(page, 'Write one sentence about it.');
    await isWhole(page);
    const texts = await page.locator('.markdown').allInnerTexts();
    await page.reload();
    await expect.poll(() => page.locator('.markdown').allInnerTexts()).toEqual(texts);
  });
});
