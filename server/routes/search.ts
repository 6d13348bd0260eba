// GET /search: what was asked and answered, found again by its words or its meaning.
import type { RequestHandler } from 'express';
import { searchExchangesAnswer, searchExchangesQuerySchema } from '../dialects/search.js';
import { ownFilters } from '../http/access.js';
import { parseWith } from '../http/body.js';
import { scopeOf } from '../http/request-scope.js';
import type { SearchExchanges } from '../retrieval/search-exchanges.js';
import { MATCH_END, MATCH_START } from '../store/exchange-text-search.js';
import type { Vault } from '../store/vault.js';

export interface SearchRouteParts {
  readonly searchExchanges: SearchExchanges;
  readonly vault: Pick<Vault, 'caughtUp'>;
}

const MARKS = { start: MATCH_START, end: MATCH_END };

/** An answer that has just ended is waited for. */
export function searchRoute({ searchExchanges, vault }: SearchRouteParts): RequestHandler {
  return async (req, res) => {
    const asked = parseWith(searchExchangesQuerySchema, req.query);
    const { query, mode, language, limit, offset, ...narrowed } = asked;
    const scope = scopeOf(res);
    const filters = ownFilters(scope.caller, narrowed);
    await vault.caughtUp();
    const hits = await searchExchanges({ query, mode, language, limit, offset, filters }, scope.signal);
    res.json(searchExchangesAnswer(hits, asked, MARKS));
  };
}
