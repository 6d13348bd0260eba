// The page that browsers get, as set-up built it: files that never change under one name, sent compressed. Knows none of
// its views.
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { RequestHandler } from 'express';
import sirv from 'sirv';
import { pagePolicy } from './security-headers.js';

/** In dist/ beside the compiled server; sources, as tests run them, find the last build. */
const FOLDERS = ['../web', '../../dist/web'].map(folder => path.resolve(import.meta.dirname, folder));

/** Nothing of another host, nothing that stands in the page itself, nowhere to be framed or sent to. */
const POLICY = pagePolicy({
  'script-src': ["'self'"],
  'style-src': ["'self'"],
  'img-src': ["'self'"],
  'connect-src': ["'self'"],
});

export interface Page {
  /** The page itself. */
  readonly index: RequestHandler;
  /** What it loads, below /assets; passes on what it has not. */
  readonly assets: RequestHandler;
}

/** Null where it was not built. */
export function openPage(folders: readonly string[] = FOLDERS): Page | null {
  const folder = folders.find(candidate => existsSync(path.join(candidate, 'index.html')));
  if (folder === undefined) return null;
  const files = sirv(folder, {
    brotli: true,
    gzip: true,
    etag: true,
    setHeaders: (res, name) => {
      // Names of assets hold a digest of what is in them.
      const isFixed = /-[\w-]{8}\.\w+$/.test(name);
      res.setHeader('Cache-Control', isFixed ? 'public, max-age=31536000, immutable' : 'no-cache');
    },
  });
  return {
    index: (req, res, next) => {
      // Before anything is looked up: a 304 changes the headers of the page that a browser has kept.
      res.setHeader('Content-Security-Policy', POLICY);
      files(req, res, next);
    },
    assets: (req, res, next) => {
      const isAsset = (req.method === 'GET' || req.method === 'HEAD') && req.path.startsWith('/assets/');
      if (isAsset) files(req, res, next);
      else next();
    },
  };
}
