// A page of the stored documents, newest first.
import { Link, useLocation } from 'wouter-preact';
import { type DocumentsPage, eraseDocument } from '../api/documents.js';
import { confirmed } from '../ui/confirm.js';
import { spellNumber, spellTime } from '../ui/figures.js';
import { tell, tellError } from '../ui/notices.js';
import { titleOf } from './document-title.js';
import { DOCUMENTS_A_PAGE, type DocumentsQuery, toDocumentsAddress } from './documents-query.js';

export interface DocumentListProps {
  readonly documents: DocumentsPage;
  readonly query: DocumentsQuery;
  readonly onErased: () => void;
}

export function DocumentList({ documents, query, onErased }: DocumentListProps) {
  const [, navigate] = useLocation();
  const { items, total } = documents;
  const pages = Math.max(1, Math.ceil(total / DOCUMENTS_A_PAGE));
  const erase = async (id: string, title: string): Promise<void> => {
    if (!(await confirmed(`Erase “${title}” for good? Answers will rest on it no more.`, 'Erase'))) return;
    try {
      await eraseDocument(id);
      tell('done', 'The document is erased.');
      if (items.length === 1 && query.page > 1)
        navigate(toDocumentsAddress({ ...query, page: query.page - 1 }));
      else onErased();
    } catch (error) {
      tellError(error);
    }
  };
  if (total === 0) return <p>Nothing yet. Drop files above, or add a text.</p>;
  return (
    <>
      <p role="status">
        {spellNumber(total)} {total === 1 ? 'document' : 'documents'}, the newest first
      </p>
      <ul class="stored">
        {items.map(({ id, characters, chunks, created_at: createdAt, ...document }) => (
          <li key={id} class="row spread">
            <div>
              <Link href={`/documents/${id}`}>{titleOf(document)}</Link>
              <p class="quiet-text">
                {spellNumber(characters)} characters in {spellNumber(chunks)}{' '}
                {chunks === 1 ? 'stretch' : 'stretches'}, stored {spellTime(createdAt)}
              </p>
            </div>
            <button
              type="button"
              class="danger"
              aria-label={`Erase ${titleOf(document)}`}
              onClick={() => void erase(id, titleOf(document))}
            >
              Erase
            </button>
          </li>
        ))}
      </ul>
      {pages > 1 && (
        <nav class="row" aria-label="Pages">
          {query.page > 1 && (
            <Link class="button quiet" href={toDocumentsAddress({ ...query, page: query.page - 1 })}>
              Newer
            </Link>
          )}
          <span>
            Page {query.page} of {pages}
          </span>
          {query.page < pages && (
            <Link class="button quiet" href={toDocumentsAddress({ ...query, page: query.page + 1 })}>
              Older
            </Link>
          )}
        </nav>
      )}
    </>
  );
}
