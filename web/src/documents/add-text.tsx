// A text that is in no file: typed or pasted.
import { useState } from 'preact/hooks';
import { addText } from '../api/documents.js';
import { Fault } from '../ui/fault.js';
import { tell } from '../ui/notices.js';

export function AddText({ onAdded }: { onAdded: () => void }) {
  const [text, setText] = useState('');
  const [title, setTitle] = useState('');
  const [error, setError] = useState<unknown>(null);
  const [isAdding, setIsAdding] = useState(false);
  const add = async (): Promise<void> => {
    setError(null);
    setIsAdding(true);
    try {
      const { status } = await addText(text, title.trim());
      tell('done', status === 'added' ? 'The text is stored.' : 'That text is stored already.');
      setText('');
      setTitle('');
      onAdded();
    } catch (fault) {
      setError(fault);
    } finally {
      setIsAdding(false);
    }
  };
  return (
    <details class="add-text">
      <summary>Add a text</summary>
      <form
        onSubmit={event => {
          event.preventDefault();
          void add();
        }}
      >
        <div class="field">
          <label for="new-title">Title, if it has one</label>
          <input
            id="new-title"
            maxLength={200}
            value={title}
            onInput={event => setTitle(event.currentTarget.value)}
          />
        </div>
        <div class="field">
          <label for="new-text">Text</label>
          <textarea
            id="new-text"
            rows={6}
            value={text}
            onInput={event => setText(event.currentTarget.value)}
          />
        </div>
        {error !== null && <Fault error={error} />}
        <button type="submit" disabled={isAdding || text.trim() === ''}>
          {isAdding ? 'Storing…' : 'Store it'}
        </button>
      </form>
    </details>
  );
}
