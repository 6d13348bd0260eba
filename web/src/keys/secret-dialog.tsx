// A secret, shown this once, in a dialog that stays until somebody says that it is kept.
import { signal } from '@preact/signals';
import { render } from 'preact';
import type { IssuedKey } from '../api/keys.js';

/** @param note what the person has to know besides; resolves when the dialog is closed */
export function showSecret({ name, secret }: IssuedKey, note: string | null): Promise<void> {
  return new Promise(resolve => {
    const place = document.createElement('div');
    document.body.append(place);
    const close = (): void => {
      render(null, place);
      place.remove();
      resolve();
    };
    const told = signal('');
    const copy = async (): Promise<void> => {
      try {
        await navigator.clipboard.writeText(secret);
        told.value = 'Copied.';
      } catch {
        // Browsers give the clipboard to https and to this machine alone.
        told.value = 'The browser does not let this page copy. Select the key and copy it yourself.';
      }
    };
    render(
      <dialog
        class="secret"
        ref={dialog => {
          if (dialog !== null && !dialog.open) dialog.showModal();
        }}
        aria-labelledby="secret-title"
        aria-describedby="secret-word"
        // Escape must not throw away what nobody can show again.
        onCancel={event => event.preventDefault()}
        onKeyDown={event => {
          if (event.key === 'Escape') event.preventDefault();
        }}
        onClose={close}
      >
        <h2 id="secret-title">The key of {name}</h2>
        <p id="secret-word">
          <strong>It is shown now, and never again.</strong> Only its digest is kept: copy it before you close
          this.
        </p>
        <label for="secret">Key</label>
        <input
          id="secret"
          class="mono"
          readOnly
          value={secret}
          onFocus={event => event.currentTarget.select()}
        />
        {note !== null && <p>{note}</p>}
        <div class="row">
          <button type="button" onClick={() => void copy()}>
            Copy
          </button>
          <button type="button" class="quiet" onClick={close}>
            I have kept it
          </button>
          <span class="quiet-text" role="status">
            {told}
          </span>
        </div>
      </dialog>,
      place,
    );
  });
}
