import express from 'express';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type StartedApp, startApp } from '../testing/start-app.js';
import { welcomeRoute } from './welcome.js';

let app: StartedApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());

const get = (accept: string) => request(app.url).get('/').set('Accept', accept);

describe('GET /', () => {
  it.each(['*/*', 'text/plain', 'image/png'])(
    'tells Ollama’s clients what they look for: %s',
    async accept => {
      const { status, text, headers } = await get(accept);
      expect([status, text]).toEqual([200, 'Ollama is running']);
      expect(headers['content-type']).toBe('text/plain; charset=utf-8');
    },
  );

  it('answers HEAD, too', async () => {
    const { status, headers } = await request(app.url).head('/');
    expect([status, headers['content-length']]).toEqual([200, '17']);
  });

  it('shows a person a page that loads nothing where the page was not built, with links that lead somewhere', async () => {
    const plain = express().get('/', welcomeRoute('1.0.0', null));
    const { text, headers } = await request(plain).get('/').set('Accept', 'text/html,*/*;q=0.8');
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(headers['content-security-policy']).toMatch(
      /^default-src 'none'; .*style-src 'sha256-[\w+/]{43}='/,
    );
    expect(text).not.toMatch(/\b(?:https?:)?\/\/|<script|<img|<link/);
    const links = [...text.matchAll(/href="([^"]+)"/g)].map(([, link = '']) => link);
    expect(links).toEqual(['/docs', '/health']);
    for (const link of links) expect((await request(app.url).get(link)).status).toBe(200);
  });

  it.each(['application/json', 'application/json, text/plain, */*'])(
    'lists routes for programs that ask for JSON: %s',
    async accept => {
      expect((await get(accept)).body).toMatchObject({
        name: 'minivault',
        routes: { 'GET /health': expect.any(String) },
      });
    },
  );
});
