// What an app's router takes, as the tests name it.
import type { Express } from 'express';
import { routeAccessOf } from '../http/route-access.js';

/** `get /v1/models/{id}` for every method that the router takes, HEAD and the 405 of the rest left out. */
export function routesOf(app: Express): string[] {
  return routeAccessOf(app).map(({ method, path }) => `${method} ${path}`);
}
