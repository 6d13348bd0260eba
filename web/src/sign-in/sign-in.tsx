// Asks for a key, once the gateway has said that it wants one.
import { useSignal } from '@preact/signals';
import { send } from '../api/http.js';
import { isRefused, key, signIn } from '../api/key.js';

export function SignIn() {
  const value = useSignal('');
  const isKept = useSignal(false);
  const fault = useSignal<string | null>(key.value === null ? null : 'The gateway does not take this key.');
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    signIn(value.value.trim(), isKept.value);
    try {
      await send('/v1/queue');
    } catch (error) {
      if (isRefused.value) fault.value = 'The gateway does not take this key.';
      else fault.value = error instanceof Error ? error.message : String(error);
    }
  };
  return (
    <main class="sign-in">
      <form onSubmit={submit}>
        <h1>minivault</h1>
        <p>
          This gateway wants a key. <code>npm run keys -- create --name you</code> makes one.
        </p>
        <label for="key">Key</label>
        <input
          id="key"
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
