// Addresses behind the #, their query included, so that what is looked for never reaches the gateway's address or its log.
// wouter's own hash hook puts the query before the #, where it is sent with a reload and outlives its view.
import { useLayoutEffect, useState } from 'preact/hooks';
import type { BaseLocationHook } from 'wouter-preact';

interface NavigateOptions {
  readonly replace?: boolean;
}

const current = (): string => `/${location.hash.replace(/^#?\/?/, '')}`;

function useHash(): string {
  const [hash, setHash] = useState(current);
  useLayoutEffect(() => {
    const update = (): void => setHash(current());
    update();
    addEventListener('hashchange', update);
    return () => removeEventListener('hashchange', update);
  }, []);
  return hash;
}

function navigate(to: string, { replace = false }: NavigateOptions = {}): void {
  const address = `${location.pathname}#${to}`;
  if (replace) history.replaceState(null, '', address);
  else history.pushState(null, '', address);
  dispatchEvent(new HashChangeEvent('hashchange'));
}

function usePath(): [string, typeof navigate] {
  return [useHash().split('?', 1)[0] ?? '/', navigate];
}

/** What stands behind the ? of the address; wouter's own useSearch decodes it once too often. */
export function useAddressQuery(): string {
  const hash = useHash();
  const start = hash.indexOf('?');
  return start === -1 ? '' : hash.slice(start + 1);
}

/** What wouter's router takes for `hook`. */
export const useHashAddress: BaseLocationHook = Object.assign(usePath, {
  hrefs: (address: string) => `#${address}`,
});
