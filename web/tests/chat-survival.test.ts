// Answers that somebody or something breaks in their middle: they are shown whole when they are done, or as failed.
import { describe, expect, it, onTestFinished } from 'vitest';
import { HAS_BROWSER } from '../../server/testing/browser.js';
import { openCuttingProxy } from '../../server/testing/cutting-proxy.js';
import { usePages } from './open-page.js';
import { answer, expectAnswer, hasBegun, isWhole, say, turn } from './talk.js';

/** Long enough to be broken in its middle on a busy machine, short enough to wait for. */
const TALE = 'TALE of seven words goes on and on';
const PLAN = { tokens: 2, rules: [{ match: 'TALE', tokens: 160, gap_ms: 25 }] };
const WHOLE = Array.from({ length: 160 }, (_, index) => TALE.split(' ')[index % 8]).join(' ');

describe.skipIf(!HAS_BROWSER)('an answer that is broken in its middle', () => {
  const { start, open } = usePages();

  it('is whole after the page was loaded again', async () => {
    const app = await start({ plan: PLAN });
    const { page } = await open(app.url);
    await say(page, TALE);
    await hasBegun(page, 'seven words');
    await page.reload();
    await hasBegun(page, 'seven words');
    await isWhole(page);
    await expectAnswer(page, WHOLE);
    expect(await app.readLog()).toHaveLength(1);
  });

  it('is whole after the connection was lost twice', async () => {
    const app = await start({ plan: PLAN });
    const proxy = await openCuttingProxy(app.url);
    onTestFinished(() => proxy.close());
    const { page } = await open(proxy.url, { losesConnections: true });
    await say(page, TALE);
    await hasBegun(page, 'seven words');
    proxy.cut();
    await page.getByText('The connection is lost; the answer goes on').waitFor();
    await page.getByText('The connection is lost; the answer goes on').waitFor({ state: 'detached' });
    proxy.cut();
    await isWhole(page);
    await expectAnswer(page, WHOLE);
    expect(await app.readLog()).toHaveLength(1);
  });

  it('is begun once, though the connection broke before the gateway had named it', async () => {
    const app = await start({ plan: { tokens: 2 } });
    const { page } = await open(app.url, { losesConnections: true });
    let isBroken = false;
    await page.route('**/v1/responses', async route => {
      if (isBroken) return route.continue();
      isBroken = true;
      // It reaches the gateway, which does what it says; its answer reaches nobody.
      await fetch(route.request().url(), {
        method: 'POST',
        headers: await route.request().allHeaders(),
        body: route.request().postData() ?? '',
      }).then(response => response.body?.cancel());
      return route.abort('connectionreset');
    });
    await say(page, 'only once');
    await isWhole(page);
    await expectAnswer(page, 'only once');
    expect(await app.readLog()).toHaveLength(1);
  });

  it('is shown as failed with what there is of it when its worker is killed, and can be asked again', async () => {
    const app = await start({ plan: { ...PLAN, rules: [{ ...PLAN.rules[0], match: 'TALE', gap_ms: 50 }] } });
    const { page } = await open(app.url);
    await say(page, TALE);
    await hasBegun(page, 'seven words');
    process.kill(app.parts.worker.status().pid ?? 0, 'SIGKILL');
    await turn(page)
      .getByText(/^Failed: /)
      .waitFor();
    const text = await answer(page).innerText();
    expect(text).toMatch(/^TALE of seven words/);
    expect(WHOLE).toContain(text);
    await page.reload();
    await turn(page)
      .getByText(/^Failed: /)
      .waitFor();
    await expectAnswer(page, text);
    await app.ready();
    await say(page, 'once more');
    await isWhole(page);
    await expectAnswer(page, 'once more');
  });

  it('is seen in two tabs, and so is the next one, whichever tab asks', async () => {
    const app = await start({ plan: PLAN });
    const { page, another } = await open(app.url);
    await say(page, TALE);
    await hasBegun(page, 'seven words');
    const other = await another(new URL(page.url()).hash.slice(1));
    await hasBegun(other, 'seven words');
    for (const tab of [page, other]) {
      await isWhole(tab);
      await expectAnswer(tab, WHOLE);
    }
    await say(other, 'and then');
    for (const tab of [page, other]) {
      await expectAnswer(tab, 'and then', 1);
      await isWhole(tab);
    }
    expect(await app.readLog()).toHaveLength(2);
  });

  it('says so in a chat that is not there, and goes on elsewhere', async () => {
    const app = await start({ plan: PLAN });
    const { page } = await open(app.url, { address: '/chat/0193a3f0-0000-7000-8000-000000000000' });
    await page.getByText('There is no chat').waitFor();
    await page.getByRole('link', { name: 'New chat' }).click();
    await say(page, 'hello there');
    await isWhole(page);
  });
});
