// The page as browsers get it, from the last build of web/ (`npm test` builds before any test runs).
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type StartedApp, startApp } from './testing/start-app.js';

const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';
const FIRST_LOAD_BYTES = 200_000;
/** What views share is counted, whoever needs it; other views are not. */
const isOfTheFirstView = (file: string): boolean => !/\/(?!chat-)[\w-]+-view-/.test(file);

describe('the page', () => {
  let app: StartedApp;
  beforeAll(async () => {
    app = await startApp({ env: { API_KEY: 'a-key-that-the-page-itself-needs-not' } });
  });
  afterAll(() => app.close());

  const page = () => request(app.url).get('/').set('Accept', BROWSER);

  /** Of what the page names and what that names in turn. */
  async function assets(): Promise<string[]> {
    const found = new Set<string>();
    const look = async (text: string): Promise<void> => {
      for (const [name] of text.matchAll(/(?<=[/"'`])[\w-]+-[\w-]{8}\.(?:js|css)/g)) {
        const file = `/assets/${name}`;
        if (found.has(file)) continue;
        found.add(file);
        if (name.endsWith('.js')) await look((await request(app.url).get(file).buffer(true)).text);
      }
    };
    await look((await page()).text);
    return [...found];
  }

  it('is given to a browser without a key, and may load nothing but its own files', async () => {
    const { status, headers, text } = await page();
    expect(status).toBe(200);
    expect(headers['content-type']).toMatch(/^text\/html/);
    expect(headers['content-security-policy']).toBe(
      "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'",
    );
    expect(headers['cache-control']).toBe('no-cache');
    expect(text).not.toMatch(/(?:src|href)="(?!\/assets\/)/);
    expect(text).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\bon\w+=/);
  });

  it('keeps its policy when a browser asks whether it has changed, as a reload does', async () => {
    const { headers } = await page();
    const again = await page().set('If-None-Match', String(headers.etag));
    expect(again.status).toBe(304);
    expect(again.headers['content-security-policy']).toBe(headers['content-security-policy']);
  });

  it('has every file that it names, each kept by browsers under its name for ever', async () => {
    const names = await assets();
    expect(names.length).toBeGreaterThan(8);
    for (const name of names) {
      const { status, headers } = await request(app.url).get(name);
      expect(status, name).toBe(200);
      expect(headers['cache-control'], name).toContain('immutable');
    }
  });

  it(`comes in under ${FIRST_LOAD_BYTES / 1000} kB with its first view, compressed`, async () => {
    let bytes = 0;
    for (const name of ['/', ...(await assets()).filter(isOfTheFirstView)]) {
      const answer = await fetch(app.url + name, { headers: { Accept: BROWSER, 'Accept-Encoding': 'br' } });
      expect(answer.headers.get('content-encoding'), name).toBe('br');
      bytes += Number(answer.headers.get('content-length'));
    }
    expect(bytes).toBeGreaterThan(10_000);
    expect(bytes).toBeLessThan(FIRST_LOAD_BYTES);
  });

  it.each(['/assets/nothing.js', '/assets/../package.json', '/assets/%2e%2e/main.js', '/assets/'])(
    'has nothing else to give: %s',
    async path => {
      expect((await request(app.url).get(path)).status).toBeGreaterThanOrEqual(400);
    },
  );
});
