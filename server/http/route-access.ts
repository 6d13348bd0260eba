// What the routes of an app ask of their callers, read from the router itself: for the reference, and for the test that no
// route is without a guard.
import type { Express, RequestHandler } from 'express';
import { type Access, accessOf } from './access.js';

interface Layer {
  /** Undefined for every method. */
  readonly method?: string;
  readonly handle: RequestHandler;
}

export interface RouteAccess {
  /** In small letters. */
  readonly method: string;
  /** With parameters in braces, as OpenAPI writes them. */
  readonly path: string;
  /** All that a caller needs. */
  readonly needs: readonly Access[];
  /** Whether nothing of the route runs before it has been asked. */
  readonly isGuarded: boolean;
}

/** Every method of every route, HEAD and the 405 of the rest left out. */
export function routeAccessOf(app: Pick<Express, 'router'>): RouteAccess[] {
  const { stack } = app.router as unknown as {
    readonly stack: readonly {
      readonly route?: { readonly path: string; readonly stack: readonly Layer[] };
    }[];
  };
  return stack.flatMap(({ route }) => {
    if (route === undefined) return [];
    const methods = new Set(route.stack.map(({ method }) => method));
    return [...methods]
      .filter(method => method !== undefined)
      .filter(method => method !== 'head')
      .map(method => {
        const handlers = route.stack.filter(layer => layer.method === undefined || layer.method === method);
        const needs = handlers.map(({ handle }) => accessOf(handle));
        return {
          method,
          path: route.path.replaceAll(/[:*](\w+)/g, '{$1}'),
          needs: needs.filter(access => access !== null),
          isGuarded: needs[0] !== undefined && needs[0] !== null,
        };
      });
  });
}
