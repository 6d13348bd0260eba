// What a request asks for, in the one form that the router reads. Knows no route.

/** Of the server itself and no path of it: RFC 9112, 3.2.4. */
export const NO_PATH = '*';

/**
 * The path and query of a target. Proxies are asked by whole URLs, which a server must take, too (RFC 9112, 3.2.2); one
 * that is none, and whatever else has no path, becomes NO_PATH: Express would answer it past all that is ours.
 */
export function toPath(target: string): string {
  if (target.startsWith('/')) return target;
  if (!/^https?:\/\//i.test(target) || !URL.canParse(target)) return NO_PATH;
  const { pathname, search } = new URL(target);
  return pathname + search;
}
