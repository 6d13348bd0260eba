// The line, before a real gateway: who runs and who waits, for whom; leaving it; loading and being away.
import type { Page } from 'playwright-core';
import { describe, expect, it, onTestFinished } from 'vitest';
import { HAS_BROWSER } from '../../server/testing/browser.js';
import { useCallerKeys } from '../../server/testing/caller-keys.js';
import { openStream } from '../../server/testing/read-stream.js';
import { type StartAppOptions, type StartedApp, startApp } from '../../server/testing/start-app.js';
import { expectAccessible } from './accessibility.js';
import { usePages } from './open-page.js';

/** Answers that are not done before a test is. */
const ENDLESS = { tokens: 5_000, gap_ms: 20 };

async function ask(app: StartedApp, headers: Record<string, string> = {}): Promise<void> {
  const stream = await openStream(`${app.url}/generate`, { headers, body: { prompt: 'a b c' } });
  onTestFinished(() => stream.leave());
}

/** One that is not ready yet, or never will be. */
async function startUnready(options: StartAppOptions): Promise<StartedApp> {
  const app = await startApp(options);
  onTestFinished(() => app.close());
  return app;
}

const rowsOf = (page: Page) => page.locator('table.line tbody tr');
const textOf = (page: Page, row: number, name: string): Promise<string> =>
  rowsOf(page).nth(row).locator(`[data-name="${name}"]`).innerText();

describe.skipIf(!HAS_BROWSER)('the queue', () => {
  const { start, open } = usePages();
  const keys = useCallerKeys();

  it('says that nothing runs, then who runs and waits, with times that go on by themselves', async () => {
    const app = await start({ vault: false, plan: ENDLESS });
    const { page } = await open(app.url, { address: '/queue' });
    await page.getByText('Nothing runs and nobody waits').waitFor();
    await expectAccessible(page);
    for (let at = 0; at < 3; at++) await ask(app);
    await rowsOf(page).nth(2).waitFor();
    expect(await textOf(page, 0, 'Place')).toBe('Now');
    expect(await textOf(page, 2, 'Place')).toBe('2');
    await app.until(async () => (await textOf(page, 0, 'Phase')) === 'Writing');
    const before = Number(await textOf(page, 0, 'Tokens'));
    await app.until(async () => Number(await textOf(page, 0, 'Tokens')) > before);
    await app.until(async () => Number.parseInt(await textOf(page, 2, 'Waited'), 10) >= 2);
    await page.locator('.bar .state', { hasText: '1 running, 2 waiting' }).waitFor();
    await expectAccessible(page);
  });

  it('cancels what waits and what runs after asking, by keyboard, and tells so', async () => {
    const app = await start({ vault: false, plan: ENDLESS });
    for (let at = 0; at < 3; at++) await ask(app);
    const { page } = await open(app.url, { address: '/queue' });
    await rowsOf(page).nth(2).waitFor();
    await page.getByRole('button', { name: /place 2$/ }).press('Enter');
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).press('Enter');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(await rowsOf(page).count(), 'a no changes nothing').toBe(3);
    expect(await page.evaluate(() => document.activeElement?.getAttribute('aria-label'))).toMatch(/place 2$/);
    await page.getByRole('button', { name: /place 2$/ }).press('Enter');
    await page.getByRole('button', { name: 'Take it out' }).press('Enter');
    await page.getByText('It is cancelled.').waitFor();
    await app.until(async () => (await rowsOf(page).count()) === 2);
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('In the line');
    await page.getByRole('button', { name: /place Now$/ }).click();
    await page.getByRole('button', { name: 'Cancel the answer' }).click();
    await app.until(async () => (await rowsOf(page).count()) === 1);
    expect(app.parts.admission.waiting).toBe(0);
  });

  it("shows a user only the place of others' exchanges, and an admin all of them", async () => {
    const app = await start({ vault: false, plan: ENDLESS, env: keys.env() });
    const [user, other, admin] = await Promise.all([
      keys.make({}, app),
      keys.make({}, app),
      keys.make({ role: 'admin' }, app),
    ]);
    await ask(app, other);
    await app.until(() => app.parts.admission.running === 1);
    await ask(app, user);
    const secret = (headers: Record<string, string>): string => headers.Authorization?.slice(7) ?? '';
    const own = await open(app.url, { address: '/queue', key: secret(user) });
    await rowsOf(own.page).nth(1).waitFor();
    expect(await textOf(own.page, 0, 'Caller')).toBe('Somebody else');
    expect(await rowsOf(own.page).nth(0).getByRole('button').count()).toBe(0);
    expect(await rowsOf(own.page).nth(1).getByRole('button').count()).toBe(1);
    const all = await open(app.url, { address: '/queue', key: secret(admin) });
    await rowsOf(all.page).nth(1).waitFor();
    expect(await rowsOf(all.page).getByRole('button').count()).toBe(2);
  });

  it('shows how far the model is while it loads, and what is wrong when it cannot', async () => {
    const app = await startUnready({ plan: { load_ms: 5_000 } });
    const { page } = await open(app.url, { address: '/queue' });
    await page.locator('main progress[value]').waitFor();
    await page.locator('.bar .state.busy progress').waitFor();
    await page.locator('.bar .state.good').waitFor();
    expect(await page.locator('main progress').count()).toBe(0);
    const broken = await startUnready({ env: { MINIVAULT_PYTHON: '/nowhere/python' } });
    const other = await open(broken.url, { address: '/queue' });
    await other.page.locator('.bar .state.bad', { hasText: 'The model cannot be served' }).waitFor();
  });

  it('says that a worker that was killed starts again, and that it is back', async () => {
    const app = await start({ vault: false, plan: { load_ms: 3_000 } });
    const { page } = await open(app.url, { address: '/queue' });
    await page.locator('.bar .state.good').waitFor();
    const { pid } = app.parts.worker.status();
    // 0 would be this process and all that belong to it.
    if (pid === null) throw new Error('There is no worker to kill.');
    process.kill(pid, 'SIGKILL');
    await page.locator('main .model-state', { hasText: 'Loading the model again' }).waitFor();
    await page.locator('.bar .state.good').waitFor();
    expect(await page.locator('main .model-state').count()).toBe(0);
  });

  it('says when the gateway is gone, and that what is seen is old', async () => {
    const app = await startApp();
    let closed: Promise<void> | undefined;
    const close = (): Promise<void> => {
      closed ??= app.close();
      return closed;
    };
    onTestFinished(close);
    const { page } = await open(app.url, { address: '/queue', losesConnections: true });
    await page.getByText('Nothing runs').waitFor();
    await page.context().setOffline(true);
    await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
    await page.getByRole('alert').filter({ hasText: 'goes on trying' }).waitFor();
    await page.locator('.bar .state.bad', { hasText: 'The gateway is away' }).waitFor();
    await page.context().setOffline(false);
    await page.locator('.bar .state.good').waitFor();
    expect(await page.getByRole('alert').count()).toBe(0);
    await close();
    await page.locator('.bar .state.bad').waitFor();
    await page.getByRole('alert').filter({ hasText: 'goes on trying' }).waitFor();
  });
});
