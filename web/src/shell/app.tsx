// The frame of every view: where one can go, how the gateway is, and what is asked before anything else.
import type { ComponentType } from 'preact';
import { lazy, Suspense } from 'preact/compat';
import { Route, Router, Switch } from 'wouter-preact';
import { isRefused } from '../api/key.js';
import { SignIn } from '../sign-in/sign-in.js';
import { Notices } from '../ui/notices.js';
import { useHashAddress } from './hash-address.js';
import { Navigation } from './navigation.js';
import { NotHere } from './not-here.js';
import { NotLoaded } from './not-loaded.js';
import { VIEWS } from './views.js';

const loaded: readonly (readonly [path: string | RegExp, view: ComponentType])[] = VIEWS.map(
  ({ path, load }) => [path, lazy(() => load().catch(() => ({ default: NotLoaded })))] as const,
);

export function App() {
  if (isRefused.value) return <SignIn />;
  return (
    <Router hook={useHashAddress}>
      <button type="button" class="skip" onClick={focusMain}>
        Skip to the content
      </button>
      <Navigation />
      <main id="main" tabIndex={-1}>
        <Suspense fallback={<p class="loading">Loading…</p>}>
          <Switch>
            {loaded.map(([path, View]) => (
              <Route key={String(path)} path={path}>
                <View />
              </Route>
            ))}
            <Route>
              <NotHere />
            </Route>
          </Switch>
        </Suspense>
      </main>
      <Notices />
    </Router>
  );
}

function focusMain(): void {
  document.getElementById('main')?.focus();
}
