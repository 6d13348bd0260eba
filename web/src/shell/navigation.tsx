// Where one can go, and how the gateway is at this moment.
import { Link, useLocation } from 'wouter-preact';
import { key, signOut } from '../api/key.js';
import { GatewayState } from './gateway-state.js';
import { ThemeChoice } from './theme-choice.js';
import { VIEWS } from './views.js';

export function Navigation() {
  const [location] = useLocation();
  const isHere = (path: string): boolean =>
    path === '/' ? location === '/' || location.startsWith('/chat/') : location.startsWith(path);
  return (
    <header class="bar">
      <p class="brand">minivault</p>
      <nav aria-label="Views">
        <ul>
          {VIEWS.flatMap(({ title, path }) =>
            title === null
              ? []
              : [
                  <li key={path}>
                    <Link href={path} aria-current={isHere(path) ? 'page' : undefined}>
                      {title}
                    </Link>
                  </li>,
                ],
          )}
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
