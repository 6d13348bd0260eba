// What a person types into the search, as PostgreSQL understands it in each language. Knows no rows.
import { type Kysely, sql } from 'kysely';
import { AppError } from '../errors.js';
import type { Schema } from './schema.js';

/** The same query in the languages that make the same of it. */
export interface LanguageQuery {
  readonly languages: readonly string[];
  /** Of type tsquery, as text. */
  readonly query: string;
  /** What the index can answer of it: all but the order of words, else a superset. Null: nothing. */
  readonly indexable: string | null;
}

export interface TextQuery {
  /** None when it has no words to look for in any of the languages. */
  readonly queries: readonly LanguageQuery[];
  /** Whether the languages are all there are, so that rows need not be asked for theirs. */
  readonly isOfAll: boolean;
}

const NO_WORDS = '';
const NOT_INDEXABLE = 'T';

/**
 * @param language of the words, and of the exchanges that are meant; undefined: each exchange is asked in its own.
 * @throws AppError invalid_request for a language that the database does not know, naming those that it does.
 */
export async function prepareTextQuery(
  db: Kysely<Schema>,
  text: string,
  language: string | undefined,
): Promise<TextQuery> {
  const languages = await languagesToAsk(db, language);
  const { rows } = await sql<{ language: string; query: string; indexable: string }>`
    select language, query::text, querytree(query) as indexable
    from unnest(${languages}::text[]) as language,
      lateral (select websearch_to_tsquery(language::regconfig, ${text}) as query) as made`.execute(db);
  const queries = new Map<string, LanguageQuery>();
  for (const row of rows.filter(({ query }) => query !== NO_WORDS)) {
    const same = queries.get(row.query)?.languages ?? [];
    queries.set(row.query, {
      languages: [...same, row.language],
      query: row.query,
      indexable: toIndexable(row),
    });
  }
  const [only, ...others] = queries.values();
  const isOfAll = language === undefined && others.length === 0 && only?.languages.length === rows.length;
  return { queries: [...queries.values()], isOfAll };
}

const FOLLOWED_BY = / <(?:-|\d+)> /g;

/** Words that must follow each other become words that must all be there, and what is excluded goes; no word has blanks in it. */
function toIndexable({ query, indexable }: { query: string; indexable: string }): string | null {
  if (indexable === NOT_INDEXABLE) return null;
  return query.search(FOLLOWED_BY) === -1 ? query : indexable.replaceAll(FOLLOWED_BY, ' & ');
}

/** The one that is given, or all that exchanges are in. @throws AppError invalid_request as above */
export async function languagesToAsk(
  db: Kysely<Schema>,
  language: string | undefined,
): Promise<readonly string[]> {
  if (language === undefined) return languagesPresent(db);
  const { rows } = await sql<{ name: string }>`select cfgname as name from pg_ts_config order by 1`.execute(
    db,
  );
  const known = rows.map(({ name }) => name);
  if (known.includes(language)) return [language];
  throw new AppError('invalid_request', `"language": must be one of ${known.join(', ')}`, {
    param: 'language',
  });
}

/** From one entry of the index to the next other one, so it takes no longer when there are many rows. */
async function languagesPresent(db: Kysely<Schema>): Promise<readonly string[]> {
  const { rows } = await sql<{ name: string }>`
    with recursive present (language) as (
      (select language::oid from exchanges order by language::oid limit 1)
      union all
      select (select e.language::oid from exchanges e where e.language::oid > present.language order by e.language::oid limit 1)
      from present where present.language is not null
    )
    select language::regconfig::text as name from present where language is not null`.execute(db);
  return rows.map(({ name }) => name);
}
