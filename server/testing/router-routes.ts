// What an app's router takes, read from the router itself.
import type { Express } from 'express';

interface Layer {
  readonly route?: { readonly path: string; readonly stack: readonly { readonly method?: string }[] };
}

/** `get /v1/models/{id}` for every method that the router takes, HEAD and the 405 of the rest left out. */
export function routesOf(app: Express): string[] {
  const { stack } = app.router as unknown as { readonly stack: readonly Layer[] };
  return stack.flatMap(({ route }) =>
    route === undefined
      ? []
      : [...new Set(route.stack.map(({ method }) => method))]
          .filter(method => method !== undefined && method !== 'head')
          .map(method => `${method} ${route.path.replaceAll(/[:*](\w+)/g, '{$1}')}`),
  );
}
