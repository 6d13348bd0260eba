// What a caller needs for a route, and whose things it sees there. `may` stands first in every route of app.ts, so that a
// route without it is seen at once.
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import type { Caller, Scope } from '../domain/caller.js';
import { AppError } from '../errors.js';
import type { RequestClass } from '../limits/limits.js';
import { classOf, countRequest } from './rate-limit.js';
import { scopeOf } from './request-scope.js';

/** `open`: needs no key at all. `any`: whoever has a key. Else the scope that it must have. */
export type Access = 'open' | 'any' | Scope;

const guards = new WeakMap<RequestHandler, Access>();

/**
 * Counts the request before it looks further, so that every answer says how many are left.
 * @param kind as what it is counted, where that is not told by what it needs
 * @throws AppError rate_limited; missing_scope (403) when the caller's key is not good for this
 */
export function may(access: Access, kind: RequestClass | null = classOf(access)): RequestHandler {
  const guard: RequestHandler = async (req: Request, res: Response, next: NextFunction): Promise<void> => {
    await countRequest(req, res, kind);
    const { caller } = scopeOf(res);
    if (access !== 'open' && access !== 'any' && caller.role !== 'admin' && !caller.scopes.has(access)) {
      throw new AppError(
        'missing_scope',
        access === 'admin'
          ? 'This needs an admin’s key.'
          : `This key lacks the scope "${access}", which this needs.`,
        {
          headers: {
            'WWW-Authenticate': `Bearer realm="minivault", error="insufficient_scope", scope="${access}"`,
          },
        },
      );
    }
    next();
  };
  guards.set(guard, access);
  return guard;
}

/**
 * The name of whose exchanges, responses and streams a caller sees; null: everybody's, which is an admin's to see.
 * @throws AppError missing_scope (403) for a user without a name, to whom nothing can belong
 */
export function ownerSeenBy({ role, name }: Caller): string | null {
  if (role === 'admin') return null;
  if (name === null) throw new AppError('missing_scope', 'Nothing here belongs to a caller without a name.');
  return name;
}

/**
 * The filters of a caller, who sees no others' exchanges with them.
 * @throws AppError missing_scope (403) when they ask for another caller's
 */
export function ownFilters<Filters extends { readonly caller?: string | undefined }>(
  caller: Caller,
  filters: Filters,
): Filters {
  const owner = ownerSeenBy(caller);
  if (owner === null || filters.caller === owner) return filters;
  if (filters.caller === undefined) return { ...filters, caller: owner };
  throw new AppError('missing_scope', 'Only an admin’s key sees what other callers asked.', {
    param: 'caller',
  });
}

/** What a handler asks for; null when it is no guard. */
export function accessOf(handler: RequestHandler): Access | null {
  return guards.get(handler) ?? null;
}
