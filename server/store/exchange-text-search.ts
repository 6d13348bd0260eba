// Exchanges found by their words: the best of the newest that match, with what matched in them. Knows no vectors.
import { type Kysely, sql } from 'kysely';
import type { Database } from './database.js';
import type { Schema } from './schema.js';
import { findCandidates } from './text-candidates.js';
import { prepareTextQuery, type TextQuery, type TextSearch } from './text-query.js';

/** A found exchange; `seq` tells it from all others. */
export interface RankedExchange {
  readonly seq: string;
  /** From 0 to under 1, the greater the better; comparable within one search. */
  readonly score: number;
}

export interface TextRanking {
  /** The best first, equals newest first. */
  readonly ranked: readonly RankedExchange[];
  readonly total: number;
  /** False: `total` is the least it can be, since only the newest matches were looked at. */
  readonly isTotalExact: boolean;
  /** When the oldest exchange that was looked at ended; null when all were. */
  readonly lookedBackTo: Date | null;
}

export interface DescribedExchange {
  readonly seq: string;
  readonly id: string;
  readonly ended_at: Date;
  readonly status: string;
  readonly dialect: string;
  readonly caller: string | null;
  readonly model: string;
  readonly language: string;
  /** Passages, with MATCH_START and MATCH_END around each word that matched; the beginning where none did. */
  readonly prompt: string;
  readonly response: string;
}

/** Marks in a passage, of Unicode's private use; never part of its text. */
export const MATCH_START = '\ue000';
export const MATCH_END = '\ue001';

/** Of each text: where nothing of it matches, the passage is its beginning. */
const HIGHLIGHTED_CHARACTERS = 20_000;
const HEADLINE = `StartSel=${MATCH_START}, StopSel=${MATCH_END}, MaxFragments=2, MaxWords=32, MinWords=12, ShortWord=0, FragmentDelimiter=" … "`;
/** Divided by 1 + the logarithm of the length, and made less than 1. */
const NORMALIZATION = 1 | 32;

/** Every function throws AppError `storage_unavailable` while there is no database to ask. */
export interface ExchangeTextSearch {
  /** @throws AppError invalid_request for a language that the database does not know */
  prepare(search: TextSearch): Promise<TextQuery>;
  rank(textQuery: TextQuery, page: { limit: number; offset: number }): Promise<TextRanking>;
  /** In the given order, without those that were deleted meanwhile. */
  describe(seqs: readonly string[], textQuery: TextQuery): Promise<readonly DescribedExchange[]>;
}

export function createExchangeTextSearch(database: Pick<Database, 'run'>): ExchangeTextSearch {
  return {
    prepare: search => database.run(db => prepareTextQuery(db, search)),
    rank: (textQuery, page) =>
      database.run(async db => {
        const { numbers, isComplete, lookedBackTo } = await findCandidates(db, textQuery);
        return {
          ranked: page.offset < numbers.length ? await rank(db, numbers, textQuery, page) : [],
          total: numbers.length,
          isTotalExact: isComplete,
          lookedBackTo: lookedBackTo === null ? null : await endOf(db, lookedBackTo),
        };
      }),
    describe: (seqs, textQuery) => database.run(db => describe(db, seqs, textQuery)),
  };
}

/** One row for each language, with its query. */
function asTable({ queries }: TextQuery) {
  const pairs = queries.flatMap(({ languages, query }) => languages.map(language => ({ language, query })));
  return sql`(
    select language::regconfig, query::tsquery
    from unnest(${pairs.map(({ language }) => language)}::text[], ${pairs.map(({ query }) => query)}::text[])
      as asked (language, query)) as asked`;
}

async function rank(
  db: Kysely<Schema>,
  numbers: readonly string[],
  textQuery: TextQuery,
  { limit, offset }: { limit: number; offset: number },
): Promise<readonly RankedExchange[]> {
  const { rows } = await sql<RankedExchange>`
    select exchanges.seq, ts_rank_cd(exchanges.search, asked.query, ${NORMALIZATION})::float8 as score
    from exchanges join ${asTable(textQuery)} on asked.language = exchanges.language
    where exchanges.seq = any (${numbers}::bigint[])
    order by score desc, exchanges.seq desc
    limit ${limit} offset ${offset}`.execute(db);
  return rows;
}

async function endOf(db: Kysely<Schema>, number: number): Promise<Date | null> {
  const row = await db
    .selectFrom('exchanges')
    .select('ended_at')
    .where('seq', '>=', String(number))
    .orderBy('seq')
    .limit(1)
    .executeTakeFirst();
  return row?.ended_at ?? null;
}

async function describe(
  db: Kysely<Schema>,
  seqs: readonly string[],
  textQuery: TextQuery,
): Promise<readonly DescribedExchange[]> {
  if (seqs.length === 0) return [];
  const passage = (column: 'prompt' | 'response') => sql`
    ts_headline(
      exchanges.language,
      translate(left(${sql.ref(`exchanges.${column}`)}, ${HIGHLIGHTED_CHARACTERS}), ${MATCH_START + MATCH_END}, ''),
      coalesce(asked.query, ''::tsquery), ${HEADLINE}) as ${sql.ref(column)}`;
  const { rows } = await sql<DescribedExchange>`
    select seq, id, ended_at, status, dialect, caller, model, exchanges.language::text as language,
      ${passage('prompt')}, ${passage('response')}
    from exchanges left join ${asTable(textQuery)} on asked.language = exchanges.language
    where seq = any (${seqs}::bigint[])`.execute(db);
  const bySeq = new Map(rows.map(row => [row.seq, row]));
  return seqs.flatMap(seq => bySeq.get(seq) ?? []);
}
