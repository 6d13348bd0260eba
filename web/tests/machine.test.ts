// The machine, before a real gateway: its figures over time, its last crash, and what a key may not see.
import { describe, expect, it } from 'vitest';
import { HAS_BROWSER } from '../../server/testing/browser.js';
import { useCallerKeys } from '../../server/testing/caller-keys.js';
import { readStream } from '../../server/testing/read-stream.js';
import { expectAccessible } from './accessibility.js';
import { usePages } from './open-page.js';

describe.skipIf(!HAS_BROWSER)('the machine', () => {
  const { start, open } = usePages();
  const keys = useCallerKeys();

  it('draws what the gateway measures, with the same in words, and tells the last crash', async () => {
    const app = await start({
      vault: false,
      plan: { tokens: 60, gap_ms: 20, rules: [{ match: 'DIE', at: 3, do: 'exit:3', times: 1 }] },
    });
    await readStream(`${app.url}/generate`, { body: { prompt: 'DIE' } });
    await app.ready();
    const { page } = await open(app.url, { address: '/machine' });
    const now = (chart: string, figure: string): Promise<string> =>
      page
        .getByRole('region', { name: chart, exact: true })
        .getByRole('row', { name: figure })
        .getByRole('cell')
        .first()
        .innerText();
    await page.locator('.chart canvas').nth(7).waitFor();
    await readStream(`${app.url}/generate`, { body: { prompt: 'a b c' } });
    await app.until(async () => Number(await now('Tokens per second', 'Tokens per second')) > 0);
    expect(await now('Time between tokens', 'Median')).toMatch(/^\d+ ms$/);
    expect(await now('Time to first token', 'Median')).toMatch(/^[\d.]+ m?s$/);
    expect(await now('Starts of the worker', 'After it was lost')).toBe('1');
    expect(await now('Memory of the gateway', 'In memory')).toMatch(/MB$/);
    const drawing = page.getByRole('img', {
      name: /^Starts of the worker over time\. Now: After it was lost 1,/,
    });
    await drawing.waitFor();
    await page.getByText('Exited with code 3.').waitFor();
    await page.getByRole('region', { name: 'The model' }).getByText('FakeWords').waitFor();
    await expectAccessible(page);
  });

  it('asks only while it is seen, and goes on with what it had', async () => {
    const app = await start({ vault: false });
    const { page } = await open(app.url, { address: '/machine' });
    let asked = 0;
    page.on('request', request => {
      if (request.url().endsWith('/metrics')) asked += 1;
    });
    await page.locator('.chart').first().waitFor();
    await page.getByRole('navigation').getByRole('link', { name: 'Queue' }).click();
    await page.getByText('Nothing runs').waitFor();
    const before = asked;
    await page.waitForTimeout(3_000);
    expect(asked, 'another view is open').toBe(before);
    await page.getByRole('navigation').getByRole('link', { name: 'Machine' }).click();
    await app.until(() => asked > before);
  });

  it('says in place that a key lacks a scope, and leaves out what a user may not see', async () => {
    const app = await start({ vault: false, env: keys.env() });
    const headers = await keys.make({ scopes: ['generate'], limits: { tokensPerDay: 500 } }, app);
    const { page } = await open(app.url, { address: '/machine', key: headers.Authorization?.slice(7) ?? '' });
    await page.getByRole('alert').filter({ hasText: 'scope “metrics”' }).waitFor();
    await page.getByRole('region', { name: 'The model' }).waitFor();
    await page.getByText('0 of 500; a new day in').waitFor();
    expect(await page.getByText('Last crash').count()).toBe(0);
    expect(await page.locator('.chart').count()).toBe(0);
    await expectAccessible(page);
  });
});
