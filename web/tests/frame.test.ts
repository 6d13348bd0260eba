// The frame of the page: that its views are there, that the test ground sees what a page must not do.
import { describe, expect, it } from 'vitest';
import { HAS_BROWSER } from '../../server/testing/browser.js';
import { expectAccessible } from './accessibility.js';
import { usePages } from './open-page.js';

describe.skipIf(!HAS_BROWSER)('the frame', () => {
  const { start, open } = usePages();

  it('tells how the gateway is, and leads to every view', async () => {
    const app = await start();
    const { page } = await open(app.url);
    await page.locator('.state.good').waitFor();
    for (const view of ['Queue', 'Vault', 'Documents', 'Machine', 'Keys', 'Chat']) {
      await page.getByRole('link', { name: view, exact: true }).click();
      await page.locator(`nav a[aria-current=page]:text-is("${view}")`).waitFor();
    }
    await expectAccessible(page);
  });

  it('lets nothing of another host in, and the test ground sees who tries', async () => {
    const app = await start({ vault: false });
    const { page, faults } = await open(app.url);
    await page.locator('.state.good').waitFor();
    await page.evaluate(() => {
      const image = new Image();
      image.src = 'http://192.0.2.1/beacon.png';
      const script = document.createElement('script');
      script.textContent = 'document.title = "owned"';
      document.body.append(image, script);
    });
    const isSeen = (what: string): boolean => faults.some(fault => fault.includes(what));
    await app.until(() =>
      ['policy: img-src', 'policy: script-src-elem', 'asked http://192.0.2.1/beacon.png'].every(isSeen),
    );
    faults.length = 0;
    expect(await page.title()).toBe('Chat · minivault');
  });
});
