// Exchanges found again: by their words, by their meaning, or by both, the two rankings fused. Knows no route; the
// embedder is passed in.
import type { Embedder } from '../domain/embedding.js';
import type { Database } from '../store/database.js';
import {
  createExchangeTextSearch,
  type DescribedExchange,
  type TextRanking,
} from '../store/exchange-text-search.js';
import type { ExchangeVectors } from '../store/exchange-vectors.js';
import type { TextQuery, TextSearch } from '../store/text-query.js';
import { type Fused, fuseRankings } from './fusion.js';
import type { SearchMode } from './search.js';

export interface ExchangeQuery extends TextSearch {
  readonly mode: SearchMode;
  readonly limit: number;
  readonly offset: number;
}

export interface ExchangeHit extends DescribedExchange {
  /** What it is ranked by: its words' rank, 0 to 1, the cosine, -1 to 1, or both places fused. */
  readonly score: number;
  /** Its place in either ranking from 1; null where it is in none, or was not asked for. */
  readonly textPlace: number | null;
  readonly meaningPlace: number | null;
}

export interface ExchangeHits {
  /** The best first. */
  readonly hits: readonly ExchangeHit[];
  /** How many can be paged through. */
  readonly total: number;
  /** False: there are more that match, which are not ranked. */
  readonly isTotalExact: boolean;
  /** The words were looked for in exchanges that ended then or later; null: in all. */
  readonly lookedBackTo: Date | null;
  /** How many exchanges can be found by their meaning yet; null when words alone are asked for. */
  readonly embedded: { readonly done: number; readonly total: number } | null;
}

/**
 * @throws AppError invalid_request for an unknown language, storage_unavailable (for meaning also without pgvector), and
 * what asking the embedder may end in.
 */
export type SearchExchanges = (query: ExchangeQuery, signal: AbortSignal) => Promise<ExchangeHits>;

export interface SearchExchangesParts {
  readonly database: Database;
  readonly vectors: ExchangeVectors;
  readonly embedder: Embedder;
}

/** Of each ranking that is told or fused. */
const MAX_NEAREST = 100;
const MAX_FUSED_WORDS = 100;

type Place = Fused<{ readonly seq: string }>;

export function createSearchExchanges({
  database,
  vectors,
  embedder,
}: SearchExchangesParts): SearchExchanges {
  const words = createExchangeTextSearch(database);

  const findByMeaning = async ({ query, language, filters }: ExchangeQuery, signal: AbortSignal) => {
    const { id, dimensions } = await embedder.describe(signal);
    const current = { id, dimensions };
    const embedded = await vectors.count(current, filters.caller);
    if (query.trim() === '') return { nearest: [], embedded };
    const [embedding] = await embedder.embed([query], signal);
    if (embedding === undefined) throw new Error('The embedder gave no vector for a query.');
    const nearest = await vectors.findNearest({
      embedder: current,
      vector: embedding.vector,
      limit: MAX_NEAREST,
      filters,
      language,
    });
    return { nearest, embedded };
  };

  const describe = async (
    textQuery: TextQuery,
    places: readonly Place[],
  ): Promise<readonly ExchangeHit[]> => {
    const described = await words.describe(
      places.map(({ item }) => item.seq),
      textQuery,
    );
    const bySeq = new Map(places.map(place => [place.item.seq, place]));
    return described.flatMap(exchange => {
      const place = bySeq.get(exchange.seq);
      if (place === undefined) return [];
      const [textPlace = null, meaningPlace = null] = place.places;
      return [{ ...exchange, score: place.score, textPlace, meaningPlace }];
    });
  };

  return async (query, signal) => {
    const { mode, limit, offset } = query;
    if (mode === 'text') {
      const textQuery = await words.prepare(query);
      const ranking = await words.rank(textQuery, { limit, offset });
      const places = ranking.ranked.map(({ seq, score }, index) => ({
        item: { seq },
        score,
        places: [offset + index + 1, null],
      }));
      return { ...told(ranking), hits: await describe(textQuery, places), embedded: null };
    }
    database.requireVectors();
    const textQuery = await words.prepare(query);
    const page = <T>(places: readonly T[]): readonly T[] => places.slice(offset, offset + limit);
    if (mode === 'semantic') {
      const { nearest, embedded } = await findByMeaning(query, signal);
      const places = nearest.map(({ seq, similarity }, index) => ({
        item: { seq },
        score: similarity,
        places: [null, index + 1],
      }));
      return {
        hits: await describe(textQuery, page(places)),
        total: places.length,
        isTotalExact: places.length < MAX_NEAREST,
        lookedBackTo: null,
        embedded,
      };
    }
    const [{ nearest, embedded }, ranking] = await Promise.all([
      findByMeaning(query, signal),
      words.rank(textQuery, { limit: MAX_FUSED_WORDS, offset: 0 }),
    ]);
    const fused = fuseRankings<{ readonly seq: string }>([ranking.ranked, nearest], ({ seq }) => seq);
    return {
      ...told(ranking),
      hits: await describe(textQuery, page(fused)),
      total: fused.length,
      isTotalExact: ranking.isTotalExact && ranking.total <= MAX_FUSED_WORDS && nearest.length < MAX_NEAREST,
      embedded,
    };
  };
}

function told({ total, isTotalExact, lookedBackTo }: TextRanking) {
  return { total, isTotalExact, lookedBackTo };
}
