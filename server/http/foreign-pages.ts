// What web pages of other origins may do: a browser sends their requests to this machine as readily as its owner's.
// Host is checked against DNS rebinding, Origin against everything else; `cors` answers the few that are let in.
import cors from 'cors';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { AppError } from '../errors.js';

const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]'] as const;
const PREFLIGHT_MAX_AGE_S = 600;
const EXPOSED_HEADERS = [
  'X-Request-ID',
  'X-Exchange-Id',
  'Idempotency-Replayed',
  'Request-Id',
  'X-Truncated-Inputs',
  'Retry-After',
  'Retry-After-Ms',
  'X-Should-Retry',
  'X-RateLimit-Limit',
  'X-RateLimit-Remaining',
  'X-RateLimit-Reset',
  'X-RateLimit-Limit-Requests',
  'X-RateLimit-Remaining-Requests',
  'X-RateLimit-Reset-Requests',
  'X-RateLimit-Limit-Tokens',
  'X-RateLimit-Remaining-Tokens',
  'X-RateLimit-Reset-Tokens',
];

export interface ForeignPagesOptions {
  /** Names beside those of the loopback. */
  readonly allowedHosts: readonly string[];
  readonly corsOrigins: readonly string[];
}

/** @throws AppError forbidden_host or forbidden_origin, before anything of the request is read. */
export function foreignPages({ allowedHosts, corsOrigins }: ForeignPagesOptions): RequestHandler {
  const hosts = new Set<string>([...LOOPBACK_NAMES, ...allowedHosts]);
  const origins = new Set(corsOrigins);
  const answerCors = cors({
    origin: corsOrigins as string[],
    exposedHeaders: EXPOSED_HEADERS,
    maxAge: PREFLIGHT_MAX_AGE_S,
  });
  return (req: Request, res: Response, next: NextFunction): void => {
    if (origins.size > 0) res.vary('Origin');
    requireKnownHost(req, hosts);
    const { origin } = req.headers;
    if (origin !== undefined && origins.has(origin)) {
      answerCors(req, res, next);
      return;
    }
    requireOwnPage(req);
    next();
  };
}

/** Only HTTP/1.0 may leave Host out, and no browser speaks that. */
function requireKnownHost({ headers: { host } }: Request, hosts: ReadonlySet<string>): void {
  const name = host?.toLowerCase().replace(/:\d*$/, '');
  if (name === undefined || hosts.has(name)) return;
  throw new AppError(
    'forbidden_host',
    `The host ${JSON.stringify(name)} is not one of this machine; MINIVAULT_ALLOWED_HOSTS would let it.`,
    { param: 'Host' },
  );
}

/**
 * Browsers name the origin of all but plain GETs; for those (an image's, say) only Sec-Fetch-Site tells. Following a
 * link from another site is nobody's attack.
 */
function requireOwnPage({ headers }: Request): void {
  const { origin, host, 'sec-fetch-site': site, 'sec-fetch-mode': mode } = headers;
  const isOwn =
    origin === undefined
      ? site !== 'cross-site' || mode === 'navigate'
      : origin === `http://${host}` || origin === `https://${host}`;
  if (isOwn) return;
  throw new AppError(
    'forbidden_origin',
    `Web pages of ${origin ?? 'other sites'} may not use this gateway; MINIVAULT_CORS_ORIGINS would let them.`,
    { param: 'Origin' },
  );
}
