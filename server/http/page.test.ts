import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import express from 'express';
import request from 'supertest';
import { expect, it } from 'vitest';
import { tempFolder } from '../testing/temp-folder.js';
import { openPage, type Page } from './page.js';
import { securityHeaders } from './security-headers.js';

async function serve(): Promise<express.Express> {
  const folder = await tempFolder();
  mkdirSync(path.join(folder, 'assets'), { recursive: true });
  writeFileSync(path.join(folder, 'index.html'), '<!doctype html>');
  writeFileSync(path.join(folder, 'assets', 'index-Ab12_-xY.js'), '0;');
  const page = openPage([folder]) as Page;
  return express().use(securityHeaders).use(page.assets).get('/', page.index);
}

it('a page that a browser has already keeps its policy: a 304 says nothing else than the page did', async () => {
  const app = await serve();
  const first = await request(app).get('/').expect(200);
  const again = await request(app).get('/').set('If-None-Match', String(first.headers.etag)).expect(304);
  expect(first.headers['content-security-policy']).toContain("script-src 'self'");
  expect(again.headers['content-security-policy']).toBe(first.headers['content-security-policy']);
});

it('what has a digest in its name is kept for good, the page itself is asked for each time', async () => {
  const app = await serve();
  const page = await request(app).get('/').expect(200);
  const asset = await request(app).get('/assets/index-Ab12_-xY.js').expect(200);
  expect(page.headers['cache-control']).toBe('no-cache');
  expect(asset.headers['cache-control']).toBe('public, max-age=31536000, immutable');
});

it('is not there where it was not built', async () => {
  expect(openPage([path.join(await tempFolder(), 'nowhere')])).toBeNull();
});
