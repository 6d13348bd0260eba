// Kept exchanges: one, a page of them, its replay and its end.
import type { z } from 'zod';
import type { historyPageSchema } from '../../../server/dialects/history.js';
import type { HistoryItem } from '../../../server/dialects/history-item.js';
import type { replayAnswerSchema } from '../../../server/dialects/replay.js';
import { ask, send } from './http.js';

export type { HistoryItem };
export type HistoryPage = z.output<typeof historyPageSchema>;
export type ReplayAnswer = z.output<typeof replayAnswerSchema>;

export interface HistoryFilters {
  readonly status?: string;
  readonly model?: string;
  readonly dialect?: string;
  readonly caller?: string;
  readonly since?: string;
  readonly until?: string;
}

/** @throws ApiError exchange_not_found */
export function readExchange(id: string, signal?: AbortSignal): Promise<HistoryItem> {
  return ask(`/history/${encodeURIComponent(id)}`, signal === undefined ? {} : { signal });
}

/** Newest first. @throws ApiError */
export function listExchanges(
  filters: HistoryFilters,
  cursor: string | null,
  signal?: AbortSignal,
): Promise<HistoryPage> {
  return ask('/history', {
    query: { ...filters, ...(cursor === null ? {} : { cursor }), limit: 25 },
    ...(signal === undefined ? {} : { signal }),
  });
}

/** Asks the same again and compares. @throws ApiError model_changed, unless forced */
export function replayExchange(id: string, isForced: boolean, signal?: AbortSignal): Promise<ReplayAnswer> {
  return ask(`/history/${encodeURIComponent(id)}/replay`, {
    method: 'POST',
    body: {},
    query: isForced ? { force: 'true' } : {},
    ...(signal === undefined ? {} : { signal }),
  });
}

/** From log and database, for good. @throws ApiError */
export async function eraseExchange(id: string): Promise<void> {
  await send(`/history/${encodeURIComponent(id)}`, { method: 'DELETE' });
}
