// GET /history, GET and DELETE /history/{id}: what was asked and answered, and its end.
import type { RequestHandler } from 'express';
import { encodeHistoryPage, historyQuerySchema } from '../dialects/history.js';
import { AppError } from '../errors.js';
import { parseWith } from '../http/body.js';
import type { ExchangeHistory } from '../store/exchange-history.js';

export interface HistoryRouteParts {
  readonly history: ExchangeHistory;
  readonly follower: {
    /** Resolves when what is in the log is in the database, or cannot be now. */
    caughtUp(): Promise<void>;
  };
}

export interface EraseRouteParts extends HistoryRouteParts {
  /** Takes exchanges out of log and database; resolves when none of them can be found any more. */
  readonly erase: (ids: readonly string[]) => Promise<unknown>;
}

type OfOne = RequestHandler<{ id: string }>;

/** Its line of the log. An answer that has just ended is waited for. @throws AppError exchange_not_found */
export async function requireExchange({ history, follower }: HistoryRouteParts, id: string): Promise<string> {
  await follower.caughtUp();
  const line = await history.find(id);
  if (line !== null) return line;
  throw new AppError('exchange_not_found', `There is no exchange "${id}" in the history.`, { param: 'id' });
}

export function historyRoute({ history, follower }: HistoryRouteParts): RequestHandler {
  return async (req, res) => {
    const query = parseWith(historyQuerySchema, req.query);
    const { limit, offset = 0, cursor, ...filters } = query;
    await follower.caughtUp();
    const page = await history.page(filters, { limit, offset, cursor });
    res.type('json').send(encodeHistoryPage(page, query));
  };
}

export function exchangeRoute(parts: HistoryRouteParts): OfOne {
  return async (req, res) => {
    res.type('json').send(await requireExchange(parts, req.params.id));
  };
}

export function eraseExchangeRoute(parts: EraseRouteParts): OfOne {
  return async (req, res) => {
    await requireExchange(parts, req.params.id);
    await parts.erase([req.params.id]);
    res.status(204).end();
  };
}
