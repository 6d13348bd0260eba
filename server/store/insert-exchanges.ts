// Puts rows made of the log into the table of exchanges, together with how far its file is read, and finds those that
// the database does not take. Knows no files.
import { type Kysely, sql } from 'kysely';
import type { Database } from './database.js';
import type { ExchangeRow } from './exchange-row.js';
import type { Schema } from './schema.js';

/** Classes of SQLSTATE that speak of the values alone: data exceptions and limits of the program. */
const ABOUT_VALUES = /^(?:22|54)/;

/** The database answered that it had taken all rows, and has not: the embedded one does so with what is too deep. */
class RowsMissingError extends Error {
  override readonly name = 'RowsMissingError';
}

export interface ReadStretch {
  readonly rows: readonly ExchangeRow[];
  /** The file that they are from. */
  readonly firstId: string;
  /** All of that file before this byte is done with; null: not yet. */
  readonly end: number | null;
}

export interface RefusedRow {
  readonly row: ExchangeRow;
  readonly error: unknown;
}

/**
 * Rows and position in one transaction; a row that is there already stays as it is. One that the database never takes
 * is found by halving, must not keep the others out, and is returned.
 * @throws the database's error when it is not about the values of a row: nothing is known then, and it may be tried again.
 */
export async function putIntoDatabase(database: Database, stretch: ReadStretch): Promise<RefusedRow[]> {
  const { rows, firstId, end } = stretch;
  try {
    await database.transaction(async db => {
      await insertExchanges(db, rows);
      if (end === null) return;
      await db
        .insertInto('log_files')
        .values({ first_id: firstId, indexed_bytes: end })
        .onConflict(conflict => conflict.column('first_id').doUpdateSet({ indexed_bytes: end }))
        .execute();
    });
    return [];
  } catch (error) {
    const [row] = rows;
    if (!isAboutValues(error) || row === undefined) throw error;
    if (rows.length === 1) {
      await putIntoDatabase(database, { ...stretch, rows: [] });
      return [{ row, error }];
    }
    const middle = rows.length >> 1;
    return [
      ...(await putIntoDatabase(database, { ...stretch, rows: rows.slice(0, middle), end: null })),
      ...(await putIntoDatabase(database, { ...stretch, rows: rows.slice(middle) })),
    ];
  }
}

async function insertExchanges(db: Kysely<Schema>, rows: readonly ExchangeRow[]): Promise<void> {
  if (rows.length === 0) return;
  // One statement for any number of rows; as JSON, because that is written four times as fast as PostgreSQL's arrays.
  const { numAffectedRows } = await sql`
    insert into exchanges (id, ended_at, status, dialect, caller, model, chat_id, prompt_tokens, completion_tokens, line, prompt, response, language)
    select * from json_to_recordset(${JSON.stringify(rows)}) as row (
      id uuid, ended_at timestamptz, status text, dialect text, caller text, model text, chat_id uuid, prompt_tokens integer,
      completion_tokens integer, line text, prompt text, response text, language regconfig)
    on conflict (id) do nothing`.execute(db);
  if (Number(numAffectedRows) === rows.length) return;
  const ids = [...new Set(rows.map(({ id }) => id))];
  const { count } = await db
    .selectFrom('exchanges')
    .where('id', 'in', ids)
    .select(({ fn }) => fn.countAll<string>().as('count'))
    .executeTakeFirstOrThrow();
  if (Number(count) !== ids.length) throw new RowsMissingError(`${count} of ${ids.length} rows are there`);
}

/** Whether the error is one of a row's values, so that the others can do without it; any other may pass. */
function isAboutValues(error: unknown): boolean {
  if (error instanceof RowsMissingError) return true;
  return ABOUT_VALUES.test((error as { code?: unknown }).code?.toString() ?? '');
}
