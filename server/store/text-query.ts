// What a person types into the search, as PostgreSQL understands it in each language. Knows no ranking.
import { expressionBuilder, type Kysely, type RawBuilder, sql } from 'kysely';
import { AppError } from '../errors.js';
import { type ExchangeFilters, matches } from './exchange-filters.js';
import type { Schema } from './schema.js';

/** The same query in the languages that make the same of it. */
export interface LanguageQuery {
  readonly languages: readonly string[];
  /** Of type tsquery, as text. */
  readonly query: string;
  /** What the index can answer of it: all but the order of words, else a superset. Null: nothing. */
  readonly indexable: string | null;
}

export interface TextSearch {
  /** In websearch syntax: words, "phrases", or, -excluded. */
  readonly query: string;
  /** Of the words and of the exchanges; undefined: each exchange is searched in its own. */
  readonly language?: string | undefined;
  readonly filters: ExchangeFilters;
}

export interface TextQuery {
  /** None when it has no words to look for in any of the languages. */
  readonly queries: readonly LanguageQuery[];
  /** Whether the languages are all there are, so that rows need not be asked for theirs. */
  readonly isOfAll: boolean;
  readonly filters: ExchangeFilters;
  /** The numbers between which a match may lie: rows come in the order of time, as the log has them. Null: there is no row. */
  readonly bounds: { readonly first: number; readonly last: number } | null;
}

interface Row {
  readonly language: string;
  readonly query: string;
  readonly indexable: string;
  readonly first: string | null;
  readonly last: string | null;
}

const NO_WORDS = '';
const NOT_INDEXABLE = 'T';

/** @throws AppError invalid_request for a language that the database does not know, naming those that it does. */
export async function prepareTextQuery(
  db: Kysely<Schema>,
  { query: text, language, filters }: TextSearch,
): Promise<TextQuery> {
  if (language !== undefined) await requireLanguage(db, language);
  const languages =
    language === undefined ? languagesPresent : sql`select ${language}::regconfig::oid as language`;
  // One statement: to the embedded database each costs more than what it asks for.
  const { rows } = await sql<Row>`
    with recursive present (language) as (${languages})
    select language, query::text, querytree(query) as indexable, first, last
    from (select language::regconfig::text from present where language is not null) as named (language),
      lateral (select websearch_to_tsquery(language::regconfig, ${text}) as query) as made,
      (select (${endOf(filters, 'asc')}) as first, (${endOf(filters, 'desc')}) as last) as bounds`.execute(
    db,
  );
  const queries = new Map<string, LanguageQuery>();
  for (const row of rows.filter(({ query }) => query !== NO_WORDS)) {
    const same = queries.get(row.query)?.languages ?? [];
    const languages = [...same, row.language];
    queries.set(row.query, { languages, query: row.query, indexable: toIndexable(row) });
  }
  const [only, ...others] = queries.values();
  const { first = null, last = null } = rows[0] ?? {};
  return {
    queries: [...queries.values()],
    isOfAll: language === undefined && others.length === 0 && only?.languages.length === rows.length,
    filters,
    bounds: first === null || last === null ? null : { first: Number(first), last: Number(last) },
  };
}

function endOf({ since, until }: ExchangeFilters, order: 'asc' | 'desc'): RawBuilder<unknown> {
  const ofTime = matches({ ...(since && { since }), ...(until && { until }) });
  return sql`
    select seq from exchanges where ${ofTime(expressionBuilder<Schema, 'exchanges'>())}
    order by ${sql.ref(since || until ? 'ended_at' : 'seq')} ${sql.raw(order)} limit 1`;
}

const FOLLOWED_BY = / <(?:-|\d+)> /g;

/** Words that must follow each other become words that must all be there, and what is excluded goes; no word has blanks in it. */
function toIndexable({ query, indexable }: { query: string; indexable: string }): string | null {
  if (indexable === NOT_INDEXABLE) return null;
  return query.search(FOLLOWED_BY) === -1 ? query : indexable.replaceAll(FOLLOWED_BY, ' & ');
}

async function requireLanguage(db: Kysely<Schema>, language: string): Promise<void> {
  const { rows } = await sql<{ name: string }>`select cfgname as name from pg_ts_config order by 1`.execute(
    db,
  );
  const known = rows.map(({ name }) => name);
  if (known.includes(language)) return;
  throw new AppError('invalid_request', `"language": must be one of ${known.join(', ')}`, {
    param: 'language',
  });
}

/** From one entry of the index to the next other one, so it takes no longer when there are many rows. */
const languagesPresent = sql`
  (select language::oid from exchanges order by language::oid limit 1)
  union all
  select (select e.language::oid from exchanges e where e.language::oid > present.language order by e.language::oid limit 1)
  from present where present.language is not null`;
