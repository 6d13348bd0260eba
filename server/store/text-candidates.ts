// Which exchanges a search by words may rank: the newest that match, stretch after stretch, so that a word that is in
// every exchange costs no more than a rare one. Knows no ranking.
import { expressionBuilder, type Kysely, type RawBuilder, type SqlBool, sql } from 'kysely';
import { matches } from './exchange-filters.js';
import type { Schema } from './schema.js';
import { firstStretch, keysOf, nextStretch, type Stretch, shorterStretch } from './stretches.js';
import type { LanguageQuery, TextQuery } from './text-query.js';

/** The newest matches that are ranked. */
export const MAX_RANKED = 500;
/** What the index finds in one stretch; when there is more, a shorter one is read instead. The least one, 1,024 rows, always fits. */
const MAX_OF_STRETCH = 1_250;
/** What the index finds, of which filters may leave little. */
const MAX_EXAMINED = 10_000;
/** The same where the words of each must be read, for their order or for those it must not have. */
const MAX_READ = 1_000;

export interface Candidates {
  /** Newest first, at most MAX_RANKED. */
  readonly numbers: readonly string[];
  /** False: there are more, or there may be more further back than it was looked. */
  readonly isComplete: boolean;
  /** The first number of the last stretch that was looked at; null when all were. */
  readonly lookedBackTo: number | null;
}

export async function findCandidates(db: Kysely<Schema>, textQuery: TextQuery): Promise<Candidates> {
  const { bounds, queries } = textQuery;
  if (bounds === null || queries.length === 0) return { numbers: [], isComplete: true, lookedBackTo: null };
  const numbers: string[] = [];
  let examined = 0;
  /** Without the stretches that proved too rich. */
  let inStretches = 0;
  let stretch = firstStretch(bounds.last);
  const { high } = stretch;
  const mostExamined = queries.every(isAnsweredByIndex) ? MAX_EXAMINED : MAX_READ;
  for (;;) {
    const read = await readStretch(db, stretch, textQuery);
    examined += read.examined;
    const shorter = read.isTooRich ? shorterStretch(stretch) : stretch;
    if (shorter.low > stretch.low) {
      stretch = shorter;
      continue;
    }
    numbers.push(...read.numbers);
    inStretches += read.examined;
    if (stretch.low <= bounds.first && numbers.length <= MAX_RANKED) {
      return { numbers, isComplete: true, lookedBackTo: null };
    }
    if (numbers.length > MAX_RANKED || stretch.low <= bounds.first || examined >= mostExamined) {
      return { numbers: numbers.slice(0, MAX_RANKED), isComplete: false, lookedBackTo: stretch.low };
    }
    stretch = nextStretch(stretch, {
      searched: high - stretch.low,
      examined: inStretches,
      found: numbers.length,
      wanted: MAX_RANKED + 1,
      maxExamined: MAX_OF_STRETCH,
    });
  }
}

function isAnsweredByIndex({ query, indexable }: LanguageQuery): boolean {
  return query === indexable;
}

interface Read {
  /** Newest first. */
  readonly numbers: readonly string[];
  readonly examined: number;
  readonly isTooRich: boolean;
}

async function readStretch(db: Kysely<Schema>, stretch: Stretch, textQuery: TextQuery): Promise<Read> {
  const parts = textQuery.queries.map(asked => partOf(stretch, asked, textQuery));
  const { rows } = await sql<{ examined: string; numbers: string | null }>`
    select count(*) as examined, string_agg(seq::text, ',' order by seq desc) filter (where is_match) as numbers
    from (${sql.join(parts, sql` union all `)}) as read`.execute(db);
  const [row] = rows;
  const examined = Number(row?.examined ?? 0);
  return {
    numbers: row?.numbers?.split(',') ?? [],
    examined,
    isTooRich: examined > MAX_OF_STRETCH,
  };
}

/**
 * What the index gives, examined for the rest. The CTE is planned as if all of it were wanted: with the limit in it, the planner
 * would rather read the table. Words that the index found need no second look, and their vectors stay unread.
 */
function partOf(
  stretch: Stretch,
  asked: LanguageQuery,
  { isOfAll, filters }: TextQuery,
): RawBuilder<unknown> {
  const { languages, query, indexable } = asked;
  const found =
    indexable === null
      ? sql`seq >= ${stretch.low} and seq < ${stretch.high}`
      : sql`search @@ ${indexable}::tsquery
          and array[(seq >> 10)::integer, (-1 - (seq >> 16))::integer] && ${keysOf(stretch)}::integer[]`;
  const rest = [
    ...(isOfAll ? [] : [sql<SqlBool>`language = any (${languages}::text[]::regconfig[])`]),
    ...(isAnsweredByIndex(asked) ? [] : [sql<SqlBool>`search @@ ${query}::tsquery`]),
  ];
  const conditions = sql.join(
    [...rest, matches(filters)(expressionBuilder<Schema, 'exchanges'>())],
    sql` and `,
  );
  return sql`
    (with found as materialized (select * from exchanges where ${found})
    select seq, (${conditions}) as is_match from found limit ${MAX_OF_STRETCH + 1})`;
}
