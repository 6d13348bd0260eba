// Each file that was given, how far it is, and what became of it.
import { Link } from 'wouter-preact';
import { describe } from '../api/http.js';
import { spellBytes } from '../ui/figures.js';
import { isUnderWay, type Upload, type Uploads } from './uploads.js';

export function UploadList({ uploads }: { uploads: Uploads<File> }) {
  const items = uploads.items.value;
  if (items.length === 0) return null;
  return (
    <>
      <ul class="uploads" aria-label="Files">
        {items.map(item => (
          <UploadItem key={item.id} item={item} uploads={uploads} />
        ))}
      </ul>
      {items.some(item => !isUnderWay(item)) && (
        <button type="button" class="quiet" onClick={() => uploads.clear()}>
          Clear the list
        </button>
      )}
    </>
  );
}

function UploadItem({ item, uploads }: { item: Upload; uploads: Uploads<File> }) {
  const { id, name, bytes, state } = item;
  const isOver = !isUnderWay(item);
  const mayGoAgain = state.kind === 'refused' || state.kind === 'cancelled';
  return (
    <li class="upload">
      <div class="row spread">
        <span class="name">
          {name} <span class="quiet-text">{spellBytes(bytes)}</span>
        </span>
        {!isOver && (
          <button
            type="button"
            class="quiet"
            aria-label={`Cancel ${name}`}
            onClick={() => uploads.cancel(id)}
          >
            Cancel
          </button>
        )}
        {mayGoAgain && (
          <button
            type="button"
            class="quiet"
            aria-label={`Try again: ${name}`}
            onClick={() => uploads.again(id)}
          >
            Try again
          </button>
        )}
      </div>
      <UploadResult item={item} />
    </li>
  );
}

function UploadResult({ item: { name, state } }: { item: Upload }) {
  switch (state.kind) {
    case 'waiting':
      return <p class="quiet-text">Waits for the one before.</p>;
    case 'sending':
      return state.share < 1 ? (
        <progress max={1} value={state.share} aria-label={`Sending ${name}`} />
      ) : (
        <>
          <p class="quiet-text" role="status">
            Sent; it is being read and embedded.
          </p>
          <progress aria-label={`Reading ${name}`} />
        </>
      );
    case 'added':
      return (
        <p role="status">
          Stored in {state.document.chunks} {state.document.chunks === 1 ? 'stretch' : 'stretches'}.{' '}
          <Link href={`/documents/${state.document.id}`}>Look at it</Link>
        </p>
      );
    case 'duplicate':
      return (
        <p role="status">
          Its text is stored already. <Link href={`/documents/${state.document.id}`}>Look at it</Link>
        </p>
      );
    case 'refused':
      return (
        <p class="fault" role="alert">
          {describe(state.error)}
        </p>
      );
    case 'cancelled':
      return <p class="quiet-text">Cancelled.</p>;
  }
}
