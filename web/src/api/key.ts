// The key that this browser shows the gateway. Kept for the tab, or for longer when its owner says so; never in an address.
import { signal } from '@preact/signals';

const NAME = 'minivault.key';
/** Begins the name of everything that a browser keeps of what somebody said. */
export const PRIVATE = 'minivault.private.';

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

/** The key has another secret now: it is kept as long as the former one. */
export function replaceKey(value: string): void {
  signIn(value, localStorage.getItem(NAME) !== null);
}

/** Leaves nothing in this browser that was its owner's, on the screen neither: the page begins anew. */
export function signOut(): void {
  forgetOwner();
  location.reload();
}

/** What is stored of somebody's chats and key. How the page looks, and how answers are asked for, is nobody's secret. */
export function forgetOwner(): void {
  for (const storage of [sessionStorage, localStorage]) {
    for (const name of Object.keys(storage)) {
      if (name === NAME || name.startsWith(PRIVATE)) storage.removeItem(name);
    }
  }
}

// Who signs out in one tab has signed out in all that had the same key.
addEventListener('storage', ({ key: name, storageArea }) => {
  const isGone = name === NAME && storageArea === localStorage && localStorage.getItem(NAME) === null;
  if (isGone && key.value !== null && sessionStorage.getItem(NAME) === null) location.reload();
});
