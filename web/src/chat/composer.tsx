// Where a question is written and an answer is stopped. Enter sends, Shift+Enter is a new line, Escape stops.
import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { tellError } from '../ui/notices.js';
import type { Conversation } from './conversation.js';
import { keepDraft, readDraft } from './drafts.js';

export interface ComposerProps {
  readonly chat: Conversation;
  /** Under which name what is typed is kept. */
  readonly draftOf: string;
  readonly onSend: (question: string) => void;
}

export function Composer({ chat, draftOf, onSend }: ComposerProps) {
  const text = useSignal(readDraft(draftOf));
  const field = useRef<HTMLTextAreaElement>(null);
  const type = (value: string): void => {
    text.value = value;
    keepDraft(draftOf, value);
  };
  const isAnswering = chat.isAnswering.value;
  const canSend = !isAnswering && text.value.trim() !== '' && chat.opening.value === null;
  const send = (): void => {
    if (!canSend) return;
    const question = text.value;
    type('');
    onSend(question);
    field.current?.focus();
  };
  const stop = (): void => {
    void chat.stop().catch(tellError);
    // Its button goes.
    field.current?.focus();
  };
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
        ref={field}
        rows={3}
        placeholder="Ask something. Enter sends, Shift+Enter is a new line."
        value={text}
        onInput={event => {
          type(event.currentTarget.value);
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
