// Who may ask: the one API_KEY, as a bearer token or in X-API-Key. Stands before the router, so that no route can forget it.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import type { Caller } from '../domain/caller.js';
import { AppError } from '../errors.js';
import { scopeOf } from './request-scope.js';

/** What a process manager or a client that looks for a server asks; none of it tells anything of the owner's. */
const OPEN_PATHS: ReadonlySet<string> = new Set(['/', '/livez', '/readyz']);
const OPEN_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD']);
/** Whoever is at this machine while there are no keys, and whoever has API_KEY. */
const OWNER: Caller = {
  name: null,
  keyId: null,
  role: 'admin',
  scopes: new Set(['generate', 'embed', 'history', 'documents:read', 'documents:write', 'metrics', 'admin']),
  limits: { requestsPerMinute: null, concurrency: null, tokensPerDay: null },
  share: '',
};
const BEARER = /^bearer +(\S+) *$/i;

/**
 * Lets all pass when there is no key.
 * @throws AppError invalid_api_key, the same for a key that is missing as for one that is wrong
 */
export function requireApiKey(apiKey: string | null): RequestHandler {
  if (apiKey === null) {
    return (_req, res, next) => {
      scopeOf(res).caller = OWNER;
      next();
    };
  }
  const known = digest(apiKey);
  return (req: Request, res: Response, next: NextFunction): void => {
    const isOpen = OPEN_METHODS.has(req.method) && OPEN_PATHS.has(req.path);
    if (!isOpen && !credentialsOf(req).some(given => timingSafeEqual(digest(given), known))) {
      throw new AppError(
        'invalid_api_key',
        'A valid API key is required: send it as "Authorization: Bearer <key>" or as "X-API-Key: <key>".',
        { headers: { 'WWW-Authenticate': 'Bearer realm="minivault"' } },
      );
    }
    scopeOf(res).caller = OWNER;
    next();
  };
}

/** Either header will do: clients that must send one of them fill it with anything. */
function credentialsOf(req: Request): string[] {
  const bearer = BEARER.exec(req.get('authorization') ?? '')?.[1];
  return [bearer, req.get('x-api-key')].filter(given => given !== undefined);
}

/** Of one length, whatever the key's: comparing tells nothing of it. */
function digest(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
