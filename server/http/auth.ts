// Who asks: resolved from the request's headers before the router, so that no route can forget it. What keys there are:
// access/. What a caller may do: http/access.ts.
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { ownerAt, visitorAt } from '../access/callers.js';
import type { Doorkeeper } from '../access/doorkeeper.js';
import { AppError } from '../errors.js';
import type { FailedLogins } from '../limits/failed-logins.js';
import { scopeOf } from './request-scope.js';

/** What a process manager, a client that looks for a server or a browser asks; none of it tells anything of the owner's. */
const OPEN_PATHS = /^(?:\/|\/livez|\/readyz|\/docs|\/docs\/[a-z\d][a-z\d.-]*)$/;
const OPEN_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD']);
const BEARER = /^bearer +(\S+) *$/i;
const CHALLENGE = 'Bearer realm="minivault"';

/**
 * Sets the caller of every request; lets all pass as the owner while there are no keys.
 * @throws AppError invalid_api_key, the same for a key that is missing as for one that is wrong, expired or revoked;
 * token_issuer_unavailable; rate_limited where too many wrong keys have come from
 */
export function authenticate(
  doorkeeper: Pick<Doorkeeper, 'isLocked' | 'identify'>,
  logins: Pick<FailedLogins, 'fail' | 'succeed'>,
): RequestHandler {
  return async (req: Request, res: Response, next: NextFunction): Promise<void> => {
    const scope = scopeOf(res);
    if (!doorkeeper.isLocked()) scope.caller = ownerAt(scope.address);
    else if (isOpen(req)) scope.caller = visitorAt(scope.address);
    else {
      const credentials = credentialsOf(req);
      const caller = await doorkeeper.identify(credentials);
      if (caller === null) {
        // Who sends none guesses nothing.
        if (credentials.length > 0) logins.fail(scope.address);
        throw refusal();
      }
      logins.succeed(scope.address, caller.share);
      scope.caller = caller;
    }
    next();
  };
}

function isOpen({ method, path }: Request): boolean {
  return OPEN_METHODS.has(method) && OPEN_PATHS.test(path);
}

/** Either header will do: clients that must send one of them fill it with anything. Never from the URL, which is logged. */
function credentialsOf(req: Request): string[] {
  const bearer = BEARER.exec(req.get('authorization') ?? '')?.[1];
  return [bearer, req.get('x-api-key')].filter(given => given !== undefined && given !== '') as string[];
}

function refusal(): AppError {
  return new AppError(
    'invalid_api_key',
    'A valid API key is required: send it as "Authorization: Bearer <key>" or as "X-API-Key: <key>".',
    { headers: { 'WWW-Authenticate': CHALLENGE } },
  );
}
