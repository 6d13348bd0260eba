// The chat in a real browser: asking, stopping, asking again, several chats, settings, and how answers end.
import { describe, expect, it } from 'vitest';
import { HAS_BROWSER } from '../../server/testing/browser.js';
import { expectAccessible } from './accessibility.js';
import { usePages } from './open-page.js';
import { expectAnswer, hasBegun, isWhole, openSettings, say, turn } from './talk.js';

const SLOW = { match: 'SLOW', tokens: 2_000, gap_ms: 20 };

describe.skipIf(!HAS_BROWSER)('the chat', () => {
  const { start, open } = usePages();

  it('shows an answer with what it has cost, and the whole chat after a reload', async () => {
    const app = await start({ plan: { tokens: 3 } });
    const { page } = await open(app.url);
    await say(page, 'one two three');
    await isWhole(page);
    await expectAnswer(page, 'one two three');
    expect(await turn(page).locator('.figures').innerText()).toMatch(
      /^3 tokens, prompt \d+ · .*tokens\/s · first after \d+ ms$/,
    );
    await say(page, 'four five six');
    await isWhole(page);
    await page.reload();
    await expectAnswer(page, 'one two three', 0);
    await expectAnswer(page, 'four five six', 1);
    expect(await page.locator('.figures').count()).toBe(2);
    await expectAccessible(page);
    // The model was given the whole chat.
    const [last] = (await app.readLog()).slice(-1);
    expect(last?.input).toEqual({
      messages: [
        { role: 'user', content: 'one two three' },
        { role: 'assistant', content: 'one two three' },
        { role: 'user', content: 'four five six' },
      ],
    });
  });

  it('stops an answer, and shows it as stopped, with what there is of it, also later', async () => {
    const app = await start({ plan: { rules: [SLOW] } });
    const { page } = await open(app.url);
    await say(page, 'SLOW story');
    await hasBegun(page, 'story');
    await page.getByRole('button', { name: 'Stop' }).click();
    await turn(page).getByText('Stopped.').waitFor();
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('question');
    await app.until(() => app.parts.admission.running === 0);
    const [line] = await app.readLog();
    expect(line).toMatchObject({ reason: 'cancelled', response: expect.stringMatching(/^SLOW story/) });
    const text = String(line?.response);
    await expectAnswer(page, text);
    await page.reload();
    await turn(page).getByText('Stopped.').waitFor();
    await expectAnswer(page, text);
  });

  it('stops an answer that the gateway has not even named yet', async () => {
    const app = await start({ plan: { rules: [SLOW] } });
    const { page } = await open(app.url);
    let goOn = (): void => {};
    const held = new Promise<void>(resolve => {
      goOn = resolve;
    });
    await page.route('**/v1/responses', async route => {
      await held;
      await route.continue();
    });
    await say(page, 'SLOW story');
    await page.getByRole('button', { name: 'Stop' }).click();
    goOn();
    await turn(page).getByText('Stopped.').waitFor();
    await app.until(() => app.parts.admission.running === 0);
  });

  it('asks again, and asks in other words; what came after is left behind', async () => {
    const app = await start({ plan: { tokens: 2 } });
    const { page } = await open(app.url);
    for (const question of ['first question', 'second question']) {
      await say(page, question);
      await isWhole(page);
    }
    await page.getByRole('button', { name: 'Ask again' }).click();
    await isWhole(page);
    expect(await page.locator('.turn').count()).toBe(2);
    await turn(page, 0).getByRole('button', { name: 'Edit' }).click();
    const editor = page.getByLabel('Your message, edited');
    await editor.fill('better question');
    await editor.press('Escape');
    expect(await turn(page, 0).locator('.said').innerText()).toBe('first question');
    await turn(page, 0).getByRole('button', { name: 'Edit' }).click();
    await editor.fill('better question');
    await page.locator('.editor').getByRole('button', { name: 'Send' }).click();
    await expectAnswer(page, 'better question');
    await isWhole(page);
    expect(await page.locator('.turn').count()).toBe(1);
    await page.reload();
    await expectAnswer(page, 'better question');
    expect(await page.locator('.turn').count()).toBe(1);
    // What was left behind is in the vault all the same.
    expect((await app.readLog()).map(({ prompt }) => prompt)).toEqual([
      'first question',
      'second question',
      'second question',
      'better question',
    ]);
  });

  it('sends its settings, and has them again after a reload', async () => {
    const app = await start();
    const { page } = await open(app.url);
    await openSettings(page);
    await page.getByLabel('System prompt of this chat').fill('Speak like a pirate.');
    await page.getByLabel('Temperature').fill('0.3');
    await page.getByLabel('Top p').fill('0.5');
    await page.getByLabel('Longest answer').fill('4');
    await page.getByLabel('Answer from the stored documents').check();
    await expectAccessible(page);
    await say(page, 'a b c d e f');
    await turn(page).getByText('Cut: it reached its longest length.').waitFor();
    await isWhole(page);
    const [line] = await app.readLog();
    expect(line?.input).toMatchObject({
      messages: [{ role: 'system', content: 'Speak like a pirate.' }, {}],
    });
    expect(line?.parameters).toMatchObject({ temperature: 0.3, top_p: 0.5, max_tokens: 4 });
    expect(line?.grounding).toMatchObject({ sources: [] });
    await page.reload();
    await openSettings(page);
    expect(await page.getByLabel('System prompt of this chat').inputValue()).toBe('Speak like a pirate.');
    expect(await page.getByLabel('Temperature').inputValue()).toBe('0.3');
    expect(await page.getByLabel('Top p').inputValue()).toBe('0.5');
    expect(await page.getByLabel('Longest answer').inputValue()).toBe('4');
    expect(await page.getByLabel('Answer from the stored documents').isChecked()).toBe(true);
  });

  it('keeps several chats, the last used first, each with what was typed in it, and erases one for good', async () => {
    const app = await start({ plan: { tokens: 2 } });
    const { page } = await open(app.url);
    const chats = page.locator('.chats li a');
    for (const title of ['alpha chat', 'beta chat']) {
      await page.getByRole('link', { name: 'New chat' }).click();
      await say(page, title);
      await isWhole(page);
    }
    await expect.poll(() => chats.allInnerTexts()).toEqual(['beta chat', 'alpha chat']);
    await page.getByLabel('Your message', { exact: true }).fill('for beta');
    await turn(page).getByRole('button', { name: 'Edit' }).click();
    await chats.getByText('alpha chat').click();
    await expectAnswer(page, 'alpha chat');
    expect(await page.locator('.editor').count()).toBe(0);
    expect(await page.getByLabel('Your message', { exact: true }).inputValue()).toBe('');
    await say(page, 'alpha again');
    await isWhole(page);
    await expect.poll(() => chats.allInnerTexts()).toEqual(['alpha chat', 'beta chat']);
    await chats.getByText('beta chat').click();
    await expectAnswer(page, 'beta chat');
    expect(await page.getByLabel('Your message', { exact: true }).inputValue()).toBe('for beta');
    await page.getByRole('button', { name: 'Erase beta chat' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('button', { name: 'Erase beta chat' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Erase' }).click();
    await expect.poll(() => chats.allInnerTexts()).toEqual(['alpha chat']);
    expect((await app.readLog()).map(({ prompt }) => prompt)).toEqual(['alpha chat', 'alpha again']);
  });

  it('lists a chat in the middle of its first answer, and finds it again', async () => {
    const app = await start({ plan: { tokens: 2, rules: [SLOW] } });
    const { page } = await open(app.url);
    await say(page, 'SLOW tale');
    await hasBegun(page, 'tale');
    await page.getByRole('link', { name: 'New chat' }).click();
    await page.locator('.empty').waitFor();
    await page.locator('.chats li a').getByText('SLOW tale').click();
    await hasBegun(page, 'tale');
    await page.getByRole('button', { name: 'Stop' }).click();
    await turn(page).getByText('Stopped.').waitFor();
  });

  it('shows the place in the line and about how long it takes', async () => {
    const app = await start({ plan: { slots: 1, tokens: 2, rules: [SLOW] } });
    const { page, another } = await open(app.url);
    // The gateway has seen how fast the model is.
    await say(page, 'a b');
    await isWhole(page);
    const other = await another('/');
    await say(other, 'SLOW one');
    await hasBegun(other, 'one');
    await say(page, 'waiting one');
    await turn(page)
      .getByText(/^Place 1 in the line, about .+/)
      .waitFor();
    await expectAccessible(page);
    await other.getByRole('button', { name: 'Stop' }).click();
    await isWhole(page);
    await expectAnswer(page, 'waiting one');
  });

  it('says why an answer has failed, and asks again', async () => {
    const app = await start({
      plan: { tokens: 4, rules: [{ match: 'FAILS', at: 2, do: 'raise', times: 1 }] },
    });
    const { page } = await open(app.url);
    await say(page, 'FAILS a b c');
    await turn(page)
      .getByText(/^Failed: .+ What there is of it is above\.$/)
      .waitFor();
    await expectAccessible(page);
    await page.getByRole('button', { name: 'Ask again' }).click();
    await isWhole(page);
    await expectAnswer(page, 'FAILS a b c');
  });
});
