// Asks for a key, once the gateway has said that it wants one.
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { ApiError, describe, send } from '../api/http.js';
import { key, signIn } from '../api/key.js';

const REFUSED = 'The gateway does not take this key.';

export function SignIn() {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const value = useSignal('');
  const isKept = useSignal(false);
  const fault = useSignal<string | null>(key.value === null ? null : REFUSED);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const given = value.value.trim();
    try {
      // A key that the gateway does not take is not kept.
      await send('/v1/queue', { key: given });
      signIn(given, isKept.value);
    } catch (error) {
      fault.value = isUnknownKey(error) ? REFUSED : describe(error);
      field.current?.select();
    }
  };
  return (
    <main class="sign-in">
      <form onSubmit={submit}>
        <h1>minivault</h1>
        <p>
          This gateway wants a key. <code>npm run keys -- create NAME</code> makes one.
        </p>
        <label for="key">Key</label>
        <input
          id="key"
          ref={field}
          type="password"
          autocomplete="current-password"
          required
          value={value}
          onInput={event => {
            value.value = event.currentTarget.value;
          }}
          aria-invalid={fault.value !== null}
          aria-describedby="fault"
        />
        <p id="fault" class="fault" role="alert">
          {fault}
        </p>
        <label class="choice">
          <input
            type="checkbox"
            checked={isKept}
            onChange={event => {
              isKept.value = event.currentTarget.checked;
            }}
          />
          Keep it in this browser
        </label>
        <button type="submit">Sign in</button>
      </form>
    </main>
  );
}

/** Also one of characters that no header can hold. */
function isUnknownKey(error: unknown): boolean {
  return error instanceof TypeError || (error instanceof ApiError && error.status === 401);
}
