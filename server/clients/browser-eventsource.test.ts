// System C from web pages in a real browser: its own EventSource, its CORS, its way of coming back.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { HAS_BROWSER, launchBrowser } from '../testing/browser.js';
import { type CuttingProxy, openCuttingProxy } from '../testing/cutting-proxy.js';
import { type StartedApp, startApp } from '../testing/start-app.js';

const UNPACKING_MS = 120_000;

/** The client: obeys `reset`, closes when it is replaced. */
const PAGE = `<!doctype html><script>
  const heard = [];
  let text = '';
  let source;
  function listen(url, { closes = true } = {}) {
    source = new EventSource(url);
    for (const name of ['queued', 'loading', 'started', 'token', 'done', 'reset', 'replaced', 'error', 'open']) {
      source.addEventListener(name, event => {
        heard.push(name);
        const data = event.data === undefined ? {} : JSON.parse(event.data);
        if (name === 'reset') text = data.text;
        if (name === 'token') text += data.text;
        if (name === 'replaced' && closes) source.close();
      });
    }
  }
  async function submit(url, body) {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'X-Request-ID': 'from-a-page' },
      body: JSON.stringify(body),
    });
    return { code: response.status, requestId: response.headers.get('X-Request-ID'), ...(await response.json()) };
  }
</script>`;

describe.skipIf(!HAS_BROWSER)('a web page', () => {
  let browser: Browser;
  let pages: Server;
  let origin: string;
  let app: StartedApp;
  let proxy: CuttingProxy;

  beforeAll(async () => {
    browser = await launchBrowser();
    pages = createServer((_req, res) => res.setHeader('Content-Type', 'text/html').end(PAGE));
    await new Promise<void>(resolve => {
      pages.listen(0, '127.0.0.1', resolve);
    });
    origin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`;
  }, UNPACKING_MS);
  afterAll(async () => {
    await browser.close();
    pages.close();
  });
  beforeEach(async () => {
    app = await startApp({
      plan: { tokens: 40, gap_ms: 50, rules: [{ match: 'LONG', tokens: 80 }] },
      env: { MINIVAULT_CORS_ORIGINS: origin },
    });
    await app.ready();
    proxy = await openCuttingProxy(app.url);
  });
  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
    proxy.close();
    await app.close();
  });

  async function openPage(at = origin): Promise<Page> {
    const page = await browser.newPage();
    await page.goto(at);
    return page;
  }
  const streamUrl = (client: string) => `${proxy.url}/api/v1/chat/stream/${client}`;
  const listen = (page: Page, client: string, options = {}) =>
    page.evaluate(`listen(${JSON.stringify(streamUrl(client))}, ${JSON.stringify(options)})`);
  const submit = (page: Page, client: string, prompt: string) =>
    page.evaluate(
      `submit(${JSON.stringify(`${proxy.url}/api/v1/chat/submit`)}, ${JSON.stringify({ client_id: client, prompt })})`,
    );
  const heard = (page: Page, name: string) => page.waitForFunction(`heard.includes('${name}')`);
  const ANSWER = Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? 'one' : 'two')).join(' ');

  it('of an allowed origin submits a job and hears its answer', async () => {
    const page = await openPage();
    await listen(page, 'tab');
    await heard(page, 'open');
    expect(await submit(page, 'tab', 'one two')).toMatchObject({ code: 202, requestId: 'from-a-page' });
    await heard(page, 'done');
    expect(await page.evaluate('text')).toBe(ANSWER);
  });

  it('comes back by itself when its connection breaks, and misses nothing', async () => {
    const page = await openPage();
    await listen(page, 'tab');
    await heard(page, 'open');
    await submit(page, 'tab', 'one two');
    await page.waitForFunction(`heard.filter(name => name === 'token').length > 5`);
    proxy.cut();
    await heard(page, 'done');
    expect(await page.evaluate('text')).toBe(ANSWER);
    expect(await page.evaluate(`heard.filter(name => name === 'open').length`)).toBe(2);
    expect(await page.evaluate(`heard.includes('reset')`)).toBe(false);
    expect(await page.evaluate(`heard.filter(name => name === 'token').length`)).toBe(40);
  });

  it('that is replaced by another tab hears so, and leaves the other alone even if it does not close', async () => {
    const older = await openPage();
    await listen(older, 'tab', { closes: false });
    await heard(older, 'open');
    const newer = await openPage();
    await listen(newer, 'tab');
    await heard(older, 'replaced');
    // Twice as long as an EventSource waits before it comes back.
    await submit(newer, 'tab', 'LONG');
    await heard(newer, 'done');
    expect(await newer.evaluate(`heard.includes('replaced')`)).toBe(false);
  });

  it('of another origin gets neither stream nor job', async () => {
    const page = await openPage(origin.replace('127.0.0.1', 'localhost'));
    await listen(page, 'tab');
    await page.waitForFunction('source.readyState === EventSource.CLOSED');
    expect(await page.evaluate('heard')).toEqual(['error']);
    await expect(submit(page, 'tab', 'one two')).rejects.toThrow('Failed to fetch');
    expect(app.parts.jobs.connected).toBe(0);
  });
});
