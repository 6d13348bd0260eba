// Exchanges found again by their words or their meaning.
import type { z } from 'zod';
import type { searchExchangesAnswerSchema } from '../../../server/dialects/search.js';
import type { HistoryFilters } from './history.js';
import { ask } from './http.js';

export type SearchAnswer = z.output<typeof searchExchangesAnswerSchema>;
export type SearchHit = SearchAnswer['items'][number];
export type SearchMode = SearchAnswer['mode'];

export interface SearchRequest {
  readonly query: string;
  readonly mode: SearchMode;
  readonly limit: number;
  readonly offset: number;
  readonly filters: HistoryFilters;
}

/** The best first. @throws ApiError storage_unavailable, for meaning also without pgvector */
export function searchExchanges(
  { filters, ...asked }: SearchRequest,
  signal?: AbortSignal,
): Promise<SearchAnswer> {
  return ask('/search', { query: { ...filters, ...asked }, ...(signal === undefined ? {} : { signal }) });
}
