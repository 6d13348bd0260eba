// Which exchanges of the history are asked for, and how many those are.
import { type Expression, type ExpressionBuilder, type Kysely, type SqlBool, sql } from 'kysely';
import type { ExchangeStatus } from '../domain/exchange.js';
import type { Schema } from './schema.js';

/** All that is given must hold. */
export interface ExchangeFilters {
  readonly status?: ExchangeStatus | undefined;
  readonly model?: string | undefined;
  readonly dialect?: string | undefined;
  readonly caller?: string | undefined;
  /** Ended then or later. */
  readonly since?: Date | undefined;
  /** Ended before then. */
  readonly until?: Date | undefined;
}

const HOUR_MS = 3_600_000;
const KINDS = ['status', 'model', 'dialect', 'caller'] as const;

type Table = 'exchanges' | 'exchange_counts';

function ofKind(filters: ExchangeFilters) {
  return (eb: ExpressionBuilder<Schema, Table>): Expression<SqlBool> =>
    eb.and(
      KINDS.flatMap(column => {
        const wanted = filters[column];
        return wanted === undefined ? [] : [eb(column, '=', wanted)];
      }),
    );
}

function within(column: string, sinceMs: number, untilMs: number): Expression<SqlBool> {
  const bounds = [
    ...(sinceMs === Number.NEGATIVE_INFINITY ? [] : [sql`${sql.ref(column)} >= ${toTime(sinceMs)}`]),
    ...(untilMs === Number.POSITIVE_INFINITY ? [] : [sql`${sql.ref(column)} < ${toTime(untilMs)}`]),
  ];
  return bounds.length === 0 ? sql<SqlBool>`true` : sql<SqlBool>`${sql.join(bounds, sql` and `)}`;
}

function toTime(ms: number) {
  return sql`${new Date(ms).toISOString()}::timestamptz`;
}

export function matches(filters: ExchangeFilters) {
  const { since, until } = filters;
  return (eb: ExpressionBuilder<Schema, 'exchanges'>): Expression<SqlBool> =>
    eb.and([ofKind(filters)(eb), within('ended_at', msOf(since, -1), msOf(until, 1))]);
}

function msOf(time: Date | undefined, side: 1 | -1): number {
  return time?.getTime() ?? side * Number.POSITIVE_INFINITY;
}

/** Exact. Whole hours are summed up from their counts; only in the hours that `since` and `until` cut, rows are counted. */
export async function countExchanges(db: Kysely<Schema>, filters: ExchangeFilters): Promise<number> {
  const sinceMs = msOf(filters.since, -1);
  const untilMs = msOf(filters.until, 1);
  const firstHourMs = Math.ceil(sinceMs / HOUR_MS) * HOUR_MS;
  const lastHourMs = Math.floor(untilMs / HOUR_MS) * HOUR_MS;
  const countRows = async (fromMs: number, toMs: number): Promise<number> => {
    if (fromMs >= toMs) return 0;
    const { count } = await db
      .selectFrom('exchanges')
      .select(eb => eb.fn.countAll<string>().as('count'))
      .where(ofKind(filters))
      .where(within('ended_at', fromMs, toMs))
      .executeTakeFirstOrThrow();
    return Number(count);
  };
  if (firstHourMs >= lastHourMs) return countRows(sinceMs, untilMs);
  const { total } = await db
    .selectFrom('exchange_counts')
    .select(eb => eb.fn.sum<string | null>('count').as('total'))
    .where(ofKind(filters))
    .where(within('hour', firstHourMs, lastHourMs))
    .executeTakeFirstOrThrow();
  return Number(total) + (await countRows(sinceMs, firstHourMs)) + (await countRows(lastHourMs, untilMs));
}
