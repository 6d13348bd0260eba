// One document, however long; a place in it is marked and brought into sight.
import { memo } from 'preact/compat';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { Link, useLocation, useParams } from 'wouter-preact';
import { eraseDocument, readDocument, type StoredDocument } from '../api/documents.js';
import { useAsked } from '../ui/asked.js';
import { copy } from '../ui/clipboard.js';
import { confirmed } from '../ui/confirm.js';
import { Fault } from '../ui/fault.js';
import { spellNumber, spellTime } from '../ui/figures.js';
import { tell, tellError } from '../ui/notices.js';
import { titleOf } from './document-title.js';
import { type Place, parsePlace, toBlocks } from './place.js';
import './documents.css';

export function DocumentView() {
  const { id = '', place } = useParams<{ id: string; place?: string }>();
  const { value, error, isAsking, again } = useAsked(id, signal => readDocument(id, signal));
  return (
    <section class="view document" aria-busy={isAsking}>
      <div class="row spread">
        <h1>{value === null ? 'Document' : titleOf(value)}</h1>
        <Link href="/documents">All documents</Link>
      </div>
      {error !== null && <Fault error={error} onAgain={again} />}
      {value === null && isAsking && <p class="loading">Opening the document…</p>}
      {value !== null && value.id === id && <Opened document={value} place={place} />}
    </section>
  );
}

function Opened({ document, place: told }: { document: StoredDocument; place: string | undefined }) {
  const [, navigate] = useLocation();
  const place = useMemo(() => parsePlace(told), [told]);
  const { id, content, characters, chunks, media_type: mediaType, created_at: createdAt } = document;
  const erase = async (): Promise<void> => {
    const question = `Erase “${titleOf(document)}” for good? Answers will rest on it no more.`;
    if (!(await confirmed(question, 'Erase'))) return;
    try {
      await eraseDocument(id);
      tell('done', 'The document is erased.');
      navigate('/documents', { replace: true });
    } catch (error) {
      tellError(error);
    }
  };
  return (
    <>
      <p class="quiet-text">
        {mediaType}, {spellNumber(characters)} characters in {spellNumber(chunks)}{' '}
        {chunks === 1 ? 'stretch' : 'stretches'}, stored {spellTime(createdAt)}
      </p>
      <div class="row actions">
        <button type="button" class="quiet" onClick={() => void copy(content)}>
          Copy the text
        </button>
        <button type="button" class="danger" onClick={() => void erase()}>
          Erase
        </button>
      </div>
      {told !== undefined && (place === null || place.start >= content.length) && (
        <p class="fault" role="alert">
          The document has no place {told}.
        </p>
      )}
      <Text content={content} place={place} />
    </>
  );
}

const Text = memo(({ content, place }: { content: string; place: Place | null }) => {
  const blocks = useMemo(() => toBlocks(content, place), [content, place]);
  const marked = useRef<HTMLElement>(null);
  useEffect(() => {
    marked.current?.scrollIntoView({ block: 'center' });
    marked.current?.focus({ preventScroll: true });
  }, [blocks]);
  const first = blocks.findIndex(pieces => pieces.some(({ isMarked }) => isMarked));
  return (
    <article class="text" aria-label="Text">
      {blocks.map((pieces, index) => (
        <div key={index} class="block">
          {pieces.map(({ text, isMarked }, at) =>
            isMarked ? (
              <mark
                key={at}
                ref={index === first ? marked : null}
                tabIndex={index === first ? -1 : undefined}
              >
                {text}
              </mark>
            ) : (
              text
            ),
          )}
        </div>
      ))}
    </article>
  );
});
