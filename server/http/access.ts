// What a caller needs for a route. Stands first in every route of app.ts, so that a route without it is seen at once.
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import type { Scope } from '../domain/caller.js';
import { AppError } from '../errors.js';
import { scopeOf } from './request-scope.js';

/** `open`: needs no key at all. `any`: whoever has a key. Else the scope that it must have. */
export type Access = 'open' | 'any' | Scope;

const guards = new WeakMap<RequestHandler, Access>();

/** @throws AppError missing_scope (403) when the caller's key is not good for this */
export function may(access: Access): RequestHandler {
  const guard: RequestHandler = (_req: Request, res: Response, next: NextFunction): void => {
    if (access !== 'open' && access !== 'any' && !scopeOf(res).caller.scopes.has(access)) {
      throw new AppError('missing_scope', `This key has not the scope "${access}", which this needs.`);
    }
    next();
  };
  guards.set(guard, access);
  return guard;
}

/** What a handler asks for; null when it is no guard. */
export function accessOf(handler: RequestHandler): Access | null {
  return guards.get(handler) ?? null;
}
