// A question that is being put in other words.
import { useSignal } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';

export interface QuestionEditorProps {
  readonly question: string;
  readonly onSend: (question: string) => void;
  readonly onCancel: () => void;
}

export function QuestionEditor({ question, onSend, onCancel }: QuestionEditorProps) {
  const text = useSignal(question);
  const field = useRef<HTMLTextAreaElement>(null);
  // Before the next paint: what is typed right away goes into it.
  useLayoutEffect(() => field.current?.focus(), []);
  return (
    <form
      class="editor"
      onSubmit={event => {
        event.preventDefault();
        if (text.value.trim() !== '') onSend(text.value);
      }}
      onKeyDown={event => {
        if (event.key === 'Escape') onCancel();
      }}
    >
      <textarea
        ref={field}
        rows={3}
        aria-label="Your message, edited"
        value={text}
        onInput={event => {
          text.value = event.currentTarget.value;
        }}
      />
      <div class="row">
        <button type="submit">Send</button>
        <button type="button" class="quiet" onClick={onCancel}>
          Cancel
        </button>
        <span class="quiet-text">What came after it is left behind; the vault keeps it.</span>
      </div>
    </form>
  );
}
