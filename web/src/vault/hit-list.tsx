// What was found, the best first, with its passages marked.
import { Link } from 'wouter-preact';
import type { SearchAnswer, SearchHit } from '../api/search.js';
import { sanitizeMarks } from '../markdown/sanitize.js';
import { EntryFacts } from './entry-facts.js';
import { spellFound, spellPlaces } from './found-words.js';
import { HITS_A_PAGE, toAddress, type VaultQuery } from './vault-query.js';

export function HitList({ answer, query }: { answer: SearchAnswer; query: VaultQuery }) {
  const { items, total, searched_back_to: backTo } = answer;
  const pages = Math.max(1, Math.ceil(total / HITS_A_PAGE));
  return (
    <>
      <p role="status">{spellFound(answer).join(' ')}</p>
      {total === 0 && (
        <p class="quiet-text">
          Fewer words find more; so does looking by meaning, which needs none of them to be the same.
        </p>
      )}
      <ol class="entries">
        {items.map(hit => (
          <HitEntry key={hit.id} hit={hit} />
        ))}
      </ol>
      <nav class="row" aria-label="Pages">
        {query.page > 1 && (
          <Link class="button quiet" href={toAddress({ ...query, page: query.page - 1 })}>
            Page before
          </Link>
        )}
        {pages > 1 && (
          <span>
            Page {query.page} of {pages}
          </span>
        )}
        {query.page < pages && (
          <Link class="button quiet" href={toAddress({ ...query, page: query.page + 1 })}>
            Next page
          </Link>
        )}
        {backTo !== null && (
          <Link class="button quiet" href={toAddress({ ...query, before: backTo, page: 1 })}>
            Look further back
          </Link>
        )}
      </nav>
    </>
  );
}

function HitEntry({ hit }: { hit: SearchHit }) {
  const { id, highlights, places } = hit;
  return (
    <li class="entry">
      <Link href={`/vault/${id}`} class="entry-title">
        {highlights.prompt === '' ? 'Without a prompt' : <Passage html={highlights.prompt} />}
      </Link>
      <p class="excerpt">
        <Passage html={highlights.response} />
      </p>
      <EntryFacts {...hit} more={spellPlaces(places)} />
    </li>
  );
}

function Passage({ html }: { html: string }) {
  return <span dangerouslySetInnerHTML={{ __html: sanitizeMarks(html) }} />;
}
