// The key that this browser shows the gateway. Kept for the tab, or for longer when its owner says so; never in an address.
import { signal } from '@preact/signals';

const NAME = 'minivault.key';

function stored(): string | null {
  return sessionStorage.getItem(NAME) ?? localStorage.getItem(NAME);
}

/** Null while none is given; a gateway without keys needs none. */
export const key = signal<string | null>(stored());

/** Set when the gateway has refused what was sent: the page then asks for a key. */
export const isRefused = signal(false);

export function signIn(value: string, isKept: boolean): void {
  sessionStorage.removeItem(NAME);
  localStorage.removeItem(NAME);
  (isKept ? localStorage : sessionStorage).setItem(NAME, value);
  key.value = value;
  isRefused.value = false;
}

export function signOut(): void {
  sessionStorage.removeItem(NAME);
  localStorage.removeItem(NAME);
  key.value = null;
}
