// Where a question is written and an answer is stopped. Enter sends, Shift+Enter is a new line, Escape stops.
import { useSignal } from '@preact/signals';
import { tellError } from '../ui/notices.js';
import type { Conversation } from './conversation.js';

export function Composer({ chat, onSend }: { chat: Conversation; onSend: (question: string) => void }) {
  const text = useSignal('');
  const isAnswering = chat.isAnswering.value;
  const canSend = !isAnswering && text.value.trim() !== '' && chat.opening.value === null;
  const send = (): void => {
    if (!canSend) return;
    onSend(text.value);
    text.value = '';
  };
  const stop = (): void => void chat.stop().catch(tellError);
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      send();
    } else if (event.key === 'Escape' && isAnswering) stop();
  };
  return (
    <form
      class="composer"
      onSubmit={event => {
        event.preventDefault();
        send();
      }}
    >
      <label for="question" class="visually-hidden">
        Your message
      </label>
      <textarea
        id="question"
        rows={3}
        placeholder="Ask something. Enter sends, Shift+Enter is a new line."
        value={text}
        onInput={event => {
          text.value = event.currentTarget.value;
        }}
        onKeyDown={onKeyDown}
      />
      {isAnswering ? (
        <button type="button" class="danger" onClick={stop}>
          Stop
        </button>
      ) : (
        <button type="submit" disabled={!canSend}>
          Send
        </button>
      )}
    </form>
  );
}
