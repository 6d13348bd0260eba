// A page of the history, newest first.
import { Link } from 'wouter-preact';
import type { HistoryItem, HistoryPage } from '../api/history.js';
import { EntryFacts } from './entry-facts.js';
import { spellHistoryTotal } from './found-words.js';
import { toAddress, type VaultQuery } from './vault-query.js';

const EXCERPT_CHARACTERS = 240;

/** The page before each page that was left forwards; a page that is opened by its address knows none. */
const before = new Map<string, string>();

export interface HistoryListProps {
  readonly page: HistoryPage;
  readonly query: VaultQuery;
  readonly isFiltered: boolean;
}

export function HistoryList({ page, query, isFiltered }: HistoryListProps) {
  const { items, total, next_cursor: next } = page;
  if (next !== null) before.set(next, query.cursor);
  const newer = before.get(query.cursor);
  return (
    <>
      <p role="status">{spellHistoryTotal(total, isFiltered)}</p>
      {total === 0 && !isFiltered && (
        <p class="quiet-text">
          <Link href="/">Ask something in the chat</Link>, or point any program at this gateway: whatever it
          answers is kept here.
        </p>
      )}
      <ol class="entries">
        {items.map(item => (
          <HistoryEntry key={item.id} item={item} />
        ))}
      </ol>
      <nav class="row" aria-label="Pages">
        {newer !== undefined && newer !== '' && (
          <Link class="button quiet" href={toAddress({ ...query, cursor: newer })}>
            Newer
          </Link>
        )}
        {query.cursor !== '' && (
          <Link class="button quiet" href={toAddress({ ...query, cursor: '' })}>
            The newest
          </Link>
        )}
        {next !== null && (
          <Link class="button quiet" href={toAddress({ ...query, cursor: next })}>
            Older
          </Link>
        )}
      </nav>
    </>
  );
}

function HistoryEntry({ item }: { item: HistoryItem }) {
  const { id, prompt, response, error } = item;
  return (
    <li class="entry">
      <Link href={`/vault/${id}`} class="entry-title">
        {excerpt(prompt) || 'Without a prompt'}
      </Link>
      <p class="excerpt">{error === null ? excerpt(response) : `${error.code}: ${error.message}`}</p>
      <EntryFacts {...item} model={item.model.id} />
    </li>
  );
}

function excerpt(text: string): string {
  const line = text
    .slice(0, 2 * EXCERPT_CHARACTERS)
    .replaceAll(/\s+/g, ' ')
    .trim();
  return line.length > EXCERPT_CHARACTERS || text.length > 2 * EXCERPT_CHARACTERS
    ? `${line.slice(0, EXCERPT_CHARACTERS).trimEnd()}…`
    : line;
}
