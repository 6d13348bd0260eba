// GET /history, GET and DELETE /history/{id}: what was asked and answered, and its end.
import type { RequestHandler } from 'express';
import { encodeHistoryPage, historyQuerySchema } from '../dialects/history.js';
import { AppError } from '../errors.js';
import { ownerSeenBy, ownFilters } from '../http/access.js';
import { parseWith } from '../http/body.js';
import { scopeOf } from '../http/request-scope.js';
import { type ExchangeHistory, isExchangeId } from '../store/exchange-history.js';
import type { Vault } from '../store/vault.js';

export interface HistoryRouteParts {
  readonly history: ExchangeHistory;
  readonly vault: Pick<Vault, 'caughtUp'>;
}

export interface EraseRouteParts extends HistoryRouteParts {
  readonly vault: Pick<Vault, 'caughtUp' | 'erase'>;
}

const BEHIND_RETRY_MS = 1_000;

type OfOne = RequestHandler<{ id: string }>;

/** What is not found may be among what the database has yet to take. */
export function behind(what: string): AppError {
  return new AppError(
    'storage_unavailable',
    `${what} is not in the database, which has not read the whole log yet.`,
    { retryAfterMs: BEHIND_RETRY_MS },
  );
}

/**
 * Its line of the log. An answer that has just ended is waited for.
 * @param owner whose it must be; null: anybody's
 * @throws AppError exchange_not_found, also for another caller's; storage_unavailable when it may be among those that the database has yet to take
 */
export async function requireExchange(
  { history, vault }: HistoryRouteParts,
  id: string,
  owner: string | null,
): Promise<string> {
  const isCaughtUp = await vault.caughtUp();
  const line = await history.find(id, owner);
  if (line !== null) return line;
  if (!isCaughtUp && isExchangeId(id)) throw behind(`Exchange "${id}"`);
  throw new AppError('exchange_not_found', `There is no exchange "${id}" in the history.`, { param: 'id' });
}

export function historyRoute({ history, vault }: HistoryRouteParts): RequestHandler {
  return async (req, res) => {
    const query = parseWith(historyQuerySchema, req.query);
    const { limit, offset = 0, cursor, ...asked } = query;
    const filters = ownFilters(scopeOf(res).caller, asked);
    await vault.caughtUp();
    const page = await history.page(filters, { limit, offset, cursor });
    res.type('json').send(encodeHistoryPage(page, query));
  };
}

export function exchangeRoute(parts: HistoryRouteParts): OfOne {
  return async (req, res) => {
    res.type('json').send(await requireExchange(parts, req.params.id, ownerSeenBy(scopeOf(res).caller)));
  };
}

export function eraseExchangeRoute(parts: EraseRouteParts): OfOne {
  return async (req, res) => {
    const { id } = req.params;
    await requireExchange(parts, id, ownerSeenBy(scopeOf(res).caller));
    await parts.vault.erase([id]);
    res.status(204).end();
  };
}
