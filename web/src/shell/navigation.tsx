// Where one can go, and how the gateway is at this moment.
import { useEffect } from 'preact/hooks';
import { Link, useLocation } from 'wouter-preact';
import { key, signOut } from '../api/key.js';
import { GatewayState } from './gateway-state.js';
import { ThemeChoice } from './theme-choice.js';
import { PLACES } from './views.js';

export function Navigation() {
  const [location] = useLocation();
  const isHere = (path: string): boolean =>
    path === '/' ? location === '/' || location.startsWith('/chat/') : location.startsWith(path);
  const here = PLACES.find(({ address }) => isHere(address))?.title;
  useEffect(() => {
    document.title = here === undefined ? 'minivault' : `${here} · minivault`;
  }, [here]);
  return (
    <header class="bar">
      <p class="brand">minivault</p>
      <nav aria-label="Views">
        <ul>
          {PLACES.map(({ title, address }) => (
            <li key={address}>
              <Link href={address} aria-current={isHere(address) ? 'page' : undefined}>
                {title}
              </Link>
            </li>
          ))}
        </ul>
      </nav>
      <GatewayState />
      <div class="bar-end">
        {key.value !== null && (
          <button type="button" class="plain" onClick={signOut}>
            Sign out
          </button>
        )}
        <ThemeChoice />
      </div>
    </header>
  );
}
