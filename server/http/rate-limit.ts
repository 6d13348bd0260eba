// Counts a request in the class of its route, and tells its client in headers where it stands. Which class a route is of
// follows from what its caller must be good for, unless it says so itself; how is counted is server/limits' business.
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { AppError } from '../errors.js';
import type { Asker, Limits, RequestClass } from '../limits/limits.js';
import type { Verdict } from '../limits/sliding-window.js';
import type { Access } from './access.js';
import { type RequestScope, scopeOf } from './request-scope.js';

const OPENAI_PATH = /^\/v1\//;

interface Counted {
  readonly limits: Pick<Limits, 'count' | 'tokensOf'>;
  readonly kinds: Set<RequestClass>;
}

const counters = new WeakMap<Response, Counted>();

/** Stands before the router; `may`, which stands first in each route, counts with it. */
export function rateLimits(limits: Counted['limits']): RequestHandler {
  return (_req: Request, res: Response, next: NextFunction): void => {
    counters.set(res, { limits, kinds: new Set() });
    next();
  };
}

/** Whose places a request takes. */
export function askerOf({ caller, address }: Pick<RequestScope, 'caller' | 'address'>): Asker {
  return { share: caller.share === '' ? `address:${address}` : caller.share, limits: caller.limits };
}

/**
 * Counts the request, once a class (null: not at all), and sets the headers that every answer of it carries: `X-RateLimit-Reset` has the
 * seconds until one more place is free than now. On /v1 OpenAI's names stand beside.
 * @throws AppError rate_limited when there is no place
 */
export async function countRequest(req: Request, res: Response, kind: RequestClass | null): Promise<void> {
  const counted = counters.get(res);
  if (kind === null || counted === undefined) return;
  const { limits, kinds } = counted;
  if (kinds.has(kind)) return;
  kinds.add(kind);
  const asker = askerOf(scopeOf(res));
  const verdict = await limits.count(asker, kind);
  const isOpenAi = OPENAI_PATH.test(req.path);
  if (isOpenAi && asker.limits.tokensPerDay !== null) tellTokens(res, limits.tokensOf(asker));
  if (verdict === null) return;
  tell(res, verdict, isOpenAi);
  if (verdict.isAdmitted) return;
  const seconds = toSeconds(verdict.resetMs);
  throw new AppError(
    'rate_limited',
    `Too many requests: the limit of ${verdict.limit} is reached; there is room for the next in ${seconds} s.`,
    // What is exactly as old as the window still counts.
    { retryAfterMs: Math.floor(verdict.resetMs) + 1 },
  );
}

/** Null for what is not counted. */
export function classOf(access: Access): RequestClass | null {
  if (access === 'open') return null;
  if (access === 'generate') return 'generation';
  return access === 'embed' ? 'embedding' : 'other';
}

function tell(res: Response, { limit, remaining, resetMs }: Verdict, isOpenAi: boolean): void {
  res.setHeader('X-RateLimit-Limit', limit);
  res.setHeader('X-RateLimit-Remaining', remaining);
  res.setHeader('X-RateLimit-Reset', toSeconds(resetMs));
  if (!isOpenAi) return;
  res.setHeader('X-RateLimit-Limit-Requests', limit);
  res.setHeader('X-RateLimit-Remaining-Requests', remaining);
  res.setHeader('X-RateLimit-Reset-Requests', toDuration(resetMs));
}

function tellTokens(res: Response, { spent, budget, leftMs }: ReturnType<Limits['tokensOf']>): void {
  if (budget === null) return;
  res.setHeader('X-RateLimit-Limit-Tokens', budget);
  res.setHeader('X-RateLimit-Remaining-Tokens', Math.max(0, budget - spent));
  res.setHeader('X-RateLimit-Reset-Tokens', toDuration(leftMs));
}

function toSeconds(ms: number): number {
  return Math.ceil(ms / 1_000);
}

/** As OpenAI writes it, and Go: `120ms`, `12.5s`, `6m0s`, `23h59m1s`. */
export function toDuration(ms: number): string {
  const whole = Math.ceil(ms);
  if (whole < 1_000) return `${whole}ms`;
  const seconds = (whole % 60_000) / 1_000;
  const minutes = Math.floor(whole / 60_000);
  if (minutes === 0) return `${seconds}s`;
  const hours = Math.floor(minutes / 60);
  return hours === 0 ? `${minutes}m${seconds}s` : `${hours}h${minutes % 60}m${seconds}s`;
}
