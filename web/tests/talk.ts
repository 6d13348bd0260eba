// What a person does with the chat, and what is seen of it.
import type { Locator, Page } from 'playwright-core';
import { expect } from 'vitest';

/** Types a question and sends it by Enter. */
export async function say(page: Page, question: string): Promise<void> {
  const field = page.getByLabel('Your message', { exact: true });
  await field.fill(question);
  await field.press('Enter');
}

/** The turn with that number, from 0 on; the last one without a number. */
export function turn(page: Page, index = -1): Locator {
  const turns = page.locator('.turn');
  return index < 0 ? turns.last() : turns.nth(index);
}

/** The text of an answer. */
export function answer(page: Page, index = -1): Locator {
  return turn(page, index).locator('.markdown');
}

/** Waits until the last answer has come to its end, and until what it has cost is there. */
export async function isWhole(page: Page): Promise<void> {
  await turn(page).locator('.answer[aria-busy=false]').waitFor();
  await turn(page).locator('.figures').waitFor();
}

/** Waits until that text stands in the last answer, which is being written. */
export async function hasBegun(page: Page, text: string): Promise<void> {
  await answer(page).getByText(text).first().waitFor();
  await page.getByRole('button', { name: 'Stop' }).waitFor();
}

/** Opens the settings of the chat. */
export async function openSettings(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Settings' }).click();
  await page.getByLabel('System prompt of this chat').waitFor();
}

/** @param words the answer's; the fake engine repeats those of the question */
export async function expectAnswer(page: Page, words: string, index = -1): Promise<void> {
  await expect.poll(() => answer(page, index).innerText()).toBe(words);
}
