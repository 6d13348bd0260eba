// The vault: everything that was asked and answered, listed, filtered and found again.
import { useLocation } from 'wouter-preact';
import { listExchanges } from '../api/history.js';
import { searchExchanges } from '../api/search.js';
import { useAddressQuery } from '../shell/hash-address.js';
import { useAsked } from '../ui/asked.js';
import { Fault } from '../ui/fault.js';
import { ExportPanel } from './export-panel.js';
import { HistoryList } from './history-list.js';
import { HitList } from './hit-list.js';
import { rememberPlace } from './last-place.js';
import { SearchForm } from './search-form.js';
import {
  HITS_A_PAGE,
  hasFilters,
  isSearch,
  parseVaultQuery,
  toAddress,
  toFilters,
  type VaultQuery,
} from './vault-query.js';
import './vault.css';

async function load(query: VaultQuery, signal: AbortSignal) {
  const filters = toFilters(query);
  if (!isSearch(query)) {
    return { kind: 'history', page: await listExchanges(filters, query.cursor || null, signal) } as const;
  }
  const { query: words, mode, page } = query;
  const asked = { query: words, mode, limit: HITS_A_PAGE, offset: (page - 1) * HITS_A_PAGE, filters };
  return { kind: 'hits', answer: await searchExchanges(asked, signal) } as const;
}

export function VaultView() {
  const [, navigate] = useLocation();
  const address = useAddressQuery();
  const query = parseVaultQuery(address);
  const { value, error, isAsking, again } = useAsked(address, signal => load(query, signal));
  const go = (next: VaultQuery): void => navigate(toAddress(next));
  rememberPlace(toAddress(query));
  return (
    <section class="view vault">
      <h1>Vault</h1>
      <SearchForm query={query} onSearch={go} />
      <div aria-busy={isAsking} class="found">
        {error !== null && <Fault error={error} onAgain={again} />}
        {value === null && isAsking && <p class="loading">Looking…</p>}
        {value?.kind === 'history' && (
          <HistoryList page={value.page} query={query} isFiltered={hasFilters(query)} />
        )}
        {value?.kind === 'hits' && <HitList answer={value.answer} query={query} />}
      </div>
      <ExportPanel filters={toFilters(query)} isFiltered={hasFilters(query)} isSearch={isSearch(query)} />
    </section>
  );
}
