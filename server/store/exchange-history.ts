// The kept exchanges, page by page, one by one or all in a row. Gives the log's own lines; what they mean is
// log-line.ts's business.
import { type Kysely, type SqlBool, sql } from 'kysely';
import { z } from 'zod';
import type { Database } from './database.js';
import { type ExchangePlace, parseCursor, toCursor } from './exchange-cursor.js';
import { countExchanges, type ExchangeFilters, matches } from './exchange-filters.js';
import type { Schema } from './schema.js';

export interface PageRequest {
  readonly limit: number;
  /** Exchanges to skip, from the newest or from the cursor. */
  readonly offset: number;
  /** The `nextCursor` of the page before. */
  readonly cursor?: string | undefined;
}

export interface HistoryPage {
  /** Newest first. */
  readonly lines: readonly string[];
  /** Of all that match the filters, on whatever page; exact. */
  readonly total: number;
  /** Null when there are none further back. */
  readonly nextCursor: string | null;
}

/** Every method throws AppError `storage_unavailable` while there is no database to ask. */
export interface ExchangeHistory {
  /**
   * Pages that follow each other's cursor hold every exchange once that was there when the first was asked for; one that comes in
   * meanwhile shifts none.
   * @throws AppError invalid_request for a cursor that is none
   */
  page(filters: ExchangeFilters, request: PageRequest): Promise<HistoryPage>;
  /**
   * Its line of the log; null when there is none, for a text that is no id at all, and where `owner` names another caller
   * than the one that asked it.
   */
  find(id: string, owner?: string | null): Promise<string | null>;
  /**
   * Those that are there now, oldest first, in batches of bounded size, each a query of its own: however slow the
   * reader, nothing is held open meanwhile. Ends early when the signal is aborted.
   */
  read(filters: ExchangeFilters, signal: AbortSignal): AsyncGenerator<readonly string[]>;
}

const BATCH_ROWS = 100;
const BATCH_BYTES = 4 * 1024 * 1024;

const idSchema = z.guid();

const ENDED_AT = sql<string>`to_char(ended_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

/** Whether there can be an exchange of that id at all. */
export function isExchangeId(id: string): boolean {
  return idSchema.safeParse(id).success;
}

export function createExchangeHistory(database: Pick<Database, 'run'>): ExchangeHistory {
  return {
    page: (filters, { limit, offset, cursor }) => {
      const after = cursor === undefined ? null : parseCursor(cursor);
      return database.run(async db => {
        const total = await countExchanges(db, filters);
        const found = await inOrder(db, filters, 'desc', after)
          .offset(offset)
          .limit(limit + 1)
          .execute();
        const rows = found.slice(0, limit);
        const last = rows.at(-1);
        return {
          lines: rows.map(({ line }) => line),
          total,
          nextCursor: found.length > limit && last !== undefined ? toCursor(last) : null,
        };
      });
    },
    find: async (id, owner = null) => {
      if (!isExchangeId(id)) return null;
      const row = await database.run(db =>
        db
          .selectFrom('exchanges')
          .select('line')
          .where('id', '=', id)
          .$if(owner !== null, query => query.where('caller', '=', owner))
          .executeTakeFirst(),
      );
      return row?.line ?? null;
    },
    read: async function* read(filters, signal) {
      const newest = await database.run(db => inOrder(db, filters, 'desc', null).limit(1).executeTakeFirst());
      let after: ExchangePlace | null = null;
      while (newest !== undefined && !signal.aborted) {
        const rows = await database.run(db => readBatch(db, filters, after, newest));
        const last = rows.at(-1);
        if (last === undefined) return;
        after = last;
        yield rows.map(({ line }) => line);
      }
    },
  };
}

function inOrder(
  db: Kysely<Schema>,
  filters: ExchangeFilters,
  order: 'asc' | 'desc',
  after: ExchangePlace | null,
) {
  return db
    .selectFrom('exchanges')
    .select(['id', 'line', ENDED_AT.as('endedAt')])
    .where(matches(filters))
    .where(after === null ? sql<SqlBool>`true` : isPlaced(order === 'asc' ? '>' : '<', after))
    .orderBy('ended_at', order)
    .orderBy('id', order);
}

function isPlaced(side: '<' | '<=' | '>', { endedAt, id }: ExchangePlace) {
  return sql<SqlBool>`(ended_at, id) ${sql.raw(side)} (${endedAt}::timestamptz, ${id}::uuid)`;
}

type Row = ExchangePlace & { readonly line: string };

/** As many as fit the bounds, one at least. */
async function readBatch(
  db: Kysely<Schema>,
  filters: ExchangeFilters,
  after: ExchangePlace | null,
  last: ExchangePlace,
): Promise<readonly Row[]> {
  const batch = inOrder(db, filters, 'asc', after).where(isPlaced('<=', last)).limit(BATCH_ROWS);
  const { rows } = await sql<Row>`
    select id, line, "endedAt"
    from (
      select *, sum(octet_length(line)) over (order by "endedAt", id) - octet_length(line) as bytes_before
      from (${batch}) as batch
    ) as sized
    where bytes_before < ${BATCH_BYTES}
    order by "endedAt", id`.execute(db);
  return rows;
}
