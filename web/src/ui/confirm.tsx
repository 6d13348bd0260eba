// Asks before something that cannot be undone.
import { render } from 'preact';

/** Resolves with true when the person says so; Escape and everything else is a no. */
export function confirmed(question: string, action: string): Promise<boolean> {
  return new Promise(resolve => {
    const before = document.activeElement;
    const place = document.createElement('div');
    document.body.append(place);
    const close = (answer: boolean): void => {
      render(null, place);
      place.remove();
      // A dialog that is taken away gives the focus to nobody.
      if (before instanceof HTMLElement && before.isConnected) before.focus();
      resolve(answer);
    };
    render(
      <dialog
        ref={dialog => {
          if (dialog !== null && !dialog.open) dialog.showModal();
        }}
        aria-labelledby="question"
        onClose={() => close(false)}
      >
        <p id="question">{question}</p>
        <div class="row">
          <button type="button" class="danger" onClick={() => close(true)}>
            {action}
          </button>
          <button type="button" class="quiet" onClick={() => close(false)}>
            Cancel
          </button>
        </div>
      </dialog>,
      place,
    );
  });
}
