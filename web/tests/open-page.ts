// The page in a real browser before a real gateway with the fake engine. Whatever a test is about, it fails where the page
// threw, wrote an error, broke its policy or asked another host than the gateway it came from.
import type { Browser, BrowserContext, ConsoleMessage, Page } from 'playwright-core';
import { afterAll, beforeAll, onTestFinished } from 'vitest';
import { launchBrowser } from '../../server/testing/browser.js';
import { type StartAppOptions, type StartedApp, startApp } from '../../server/testing/start-app.js';

const UNPACKING_MS = 120_000;
const WAIT_MS = 20_000;
/** What the gateway refused, or that it is gone: the page has to show that, and the browser notes it besides. */
const REFUSED = /^Failed to load resource: the server responded/;
const LOST = /^Failed to load resource: net::|net::ERR_/;

export interface PageOptions {
  /** What stands behind the #. Default: `/`, the chat. */
  readonly address?: string;
  /** A key that this browser keeps already. */
  readonly key?: string;
  readonly colorScheme?: 'light' | 'dark';
  readonly viewport?: { readonly width: number; readonly height: number };
  /** Whether connections are lost on purpose. */
  readonly losesConnections?: boolean;
}

export interface OpenedPage {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Another tab of the same browser. */
  another(address?: string): Promise<Page>;
  /** What the page did that it must not do, so far; a test that means it takes it out. */
  readonly faults: string[];
}

export interface Pages {
  /** A gateway that is closed after the test; with a vault unless told otherwise. */
  start(options?: StartAppOptions & { readonly waitsForModel?: boolean }): Promise<StartedApp>;
  /** A new browser, with nothing stored, at that gateway. */
  open(url: string, options?: PageOptions): Promise<OpenedPage>;
  readonly browser: () => Browser;
}

/** Call it once in a test file: one browser for all its tests. */
export function usePages(): Pages {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser();
  }, UNPACKING_MS);
  afterAll(() => browser?.close());
  return {
    browser: () => browser,
    start: async ({ waitsForModel = true, ...options } = {}) => {
      const app = await startApp({ vault: true, ...options });
      onTestFinished(() => app.close());
      if (waitsForModel) await app.ready();
      return app;
    },
    open: (url, options = {}) => openPage(browser, url, options),
  };
}

async function openPage(browser: Browser, url: string, options: PageOptions): Promise<OpenedPage> {
  const { address = '/', key, colorScheme = 'light', viewport, losesConnections = false } = options;
  const { origin } = new URL(url);
  const kept = key === undefined ? [] : [{ name: 'minivault.key', value: key }];
  const context = await browser.newContext({
    storageState: { cookies: [], origins: [{ origin, localStorage: kept }] },
    colorScheme,
    reducedMotion: 'reduce',
    locale: 'en-US',
    viewport: viewport ?? { width: 1280, height: 800 },
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  const faults: string[] = [];
  onTestFinished(async () => {
    await context.close();
    if (faults.length > 0) throw new Error(`The page did what it must not do:\n${faults.join('\n')}`);
  });
  context.setDefaultTimeout(WAIT_MS);
  await context.addInitScript(`
    document.addEventListener('securitypolicyviolation', event =>
      console.error('policy: ' + event.violatedDirective + ' ' + event.blockedURI));
  `);
  const onAsked = (asked: string): void => {
    if (/^https?:|^wss?:/.test(asked) && new URL(asked).origin !== origin) faults.push(`asked ${asked}`);
  };
  const onConsole = (message: ConsoleMessage): void => {
    const text = message.text();
    if (message.type() !== 'error' || REFUSED.test(text) || (losesConnections && LOST.test(text))) return;
    faults.push(`console: ${text}`);
  };
  context.on('request', request => onAsked(request.url()));
  context.on('console', onConsole);
  context.on('weberror', event => faults.push(`threw: ${event.error()}`));
  context.on('page', page => page.on('websocket', socket => onAsked(socket.url())));
  const another = async (place = address): Promise<Page> => {
    const page = await context.newPage();
    await page.goto(`${url}/#${place}`);
    return page;
  };
  return { context, page: await another(), another, faults };
}
