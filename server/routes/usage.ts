// GET /v1/usage: what its caller has used of what it may, for itself.
import type { RequestHandler } from 'express';
import type { UsageAnswer } from '../dialects/usage.js';
import { askerOf } from '../http/rate-limit.js';
import { scopeOf } from '../http/request-scope.js';
import type { Limits } from '../limits/limits.js';
import type { Allowance, Verdict } from '../limits/sliding-window.js';

export function usageRoute({ limits }: { readonly limits: Pick<Limits, 'usageOf'> }): RequestHandler {
  return async (_req, res) => {
    const scope = scopeOf(res);
    const { tokens, concurrency, requests } = await limits.usageOf(askerOf(scope));
    const answer: UsageAnswer = {
      object: 'usage',
      caller: scope.caller.name,
      day: tokens.day,
      day_ends_in_seconds: Math.ceil(tokens.leftMs / 1_000),
      tokens_today: tokens.spent,
      tokens_per_day: tokens.budget,
      running: concurrency.running,
      concurrency: concurrency.limit,
      requests: {
        generation: toWire(requests.generation),
        embedding: toWire(requests.embedding),
        other: toWire(requests.other),
      },
    };
    res.json(answer);
  };
}

function toWire(window: (Verdict & Allowance) | null): UsageAnswer['requests']['other'] {
  if (window === null) return null;
  return {
    limit: window.limit,
    window_seconds: window.windowMs / 1_000,
    remaining: window.remaining,
    reset_seconds: Math.ceil(window.resetMs / 1_000),
  };
}
