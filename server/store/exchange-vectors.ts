// Vectors of exchanges: which ones lack one, how many have one, and which are near a question in meaning. Knows no
// embedder but by its name.
import { expressionBuilder, type Kysely, sql } from 'kysely';
import type { Database } from './database.js';
import type { StoredEmbedder } from './documents.js';
import { countExchanges, type ExchangeFilters, matches } from './exchange-filters.js';
import type { Schema } from './schema.js';
import { ensureVectorIndexes, toVectorText } from './vector-tables.js';

/** Numbers of exchanges (`seq`), from `low` to under `high`. */
export interface NumberRange {
  readonly low: number;
  readonly high: number;
}

export interface UnembeddedExchange {
  readonly id: string;
  /** Beginnings of its texts. */
  readonly prompt: string;
  readonly response: string;
}

export interface NearExchange {
  readonly seq: string;
  /** Cosine, -1 to 1. */
  readonly similarity: number;
}

export interface NearestRequest {
  readonly embedder: StoredEmbedder;
  readonly vector: Float32Array;
  readonly limit: number;
  readonly filters: ExchangeFilters;
  readonly language?: string | undefined;
}

/** Every function throws AppError `storage_unavailable`, also without pgvector. */
export interface ExchangeVectors {
  /** Makes the index for this embedder, and throws away some of the vectors of others; whether there were any. */
  prepare(embedder: StoredEmbedder): Promise<boolean>;
  /** The number under which all exchanges are that there are now. */
  end(): Promise<number>;
  /** Those of the range that have no vector, newest first; the range must be short, all of it is looked through. */
  findUnembedded(range: NumberRange, limit: number): Promise<readonly UnembeddedExchange[]>;
  store(embedder: StoredEmbedder, vectors: ReadonlyMap<string, Float32Array>): Promise<void>;
  /** Of all exchanges, or of those of one caller. Counted anew some seconds after the last time. */
  count(embedder: StoredEmbedder, caller?: string): Promise<{ done: number; total: number }>;
  /** The nearest first. With filters, of the 400 nearest those that pass; of one caller's 10,000, all are looked through. */
  findNearest(request: NearestRequest): Promise<readonly NearExchange[]>;
}

const READ_CHARACTERS = 4_000;
const DELETED_AT_ONCE = 500;
const MAX_LOOKED_THROUGH = 400;
/** Whose exchanges are a small part of all would find few of them among the nearest of all. */
const MAX_COMPARED = 10_000;
const COUNT_VALID_MS = 5_000;

export function createExchangeVectors(database: Database): ExchangeVectors {
  const run = <T>(queries: (db: Kysely<Schema>) => Promise<T>): Promise<T> => {
    database.requireVectors();
    return database.run(queries);
  };
  let counted: { key: string; atMs: number; counts: Promise<{ done: number; total: number }> } | null = null;
  return {
    prepare: embedder =>
      run(async db => {
        await ensureVectorIndexes(db, embedder.dimensions);
        return deleteSomeOfOthers(db, embedder);
      }),
    end: () =>
      run(async db => {
        const last = await db
          .selectFrom('exchanges')
          .select('seq')
          .orderBy('seq', 'desc')
          .limit(1)
          .executeTakeFirst();
        return last === undefined ? 0 : Number(last.seq) + 1;
      }),
    findUnembedded: (range, limit) => run(db => findUnembedded(db, range, limit)),
    store: (embedder, vectors) => run(db => store(db, embedder, vectors)),
    count: (embedder, caller) => {
      const key = JSON.stringify([embedder, caller]);
      const nowMs = performance.now();
      if (counted === null || counted.key !== key || nowMs - counted.atMs > COUNT_VALID_MS) {
        counted = { key, atMs: nowMs, counts: run(db => count(db, embedder, caller)) };
        counted.counts.catch(() => {
          counted = null;
        });
      }
      return counted.counts;
    },
    findNearest: async request => {
      database.requireVectors();
      return database.transaction(db => findNearest(db, request));
    },
  };
}

async function deleteSomeOfOthers(db: Kysely<Schema>, { id, dimensions }: StoredEmbedder): Promise<boolean> {
  const { numAffectedRows } = await sql`
    delete from exchange_vectors where exchange_id in (
      select exchange_id from exchange_vectors where embedder <> ${id} or dimensions <> ${dimensions}
      limit ${DELETED_AT_ONCE})`.execute(db);
  return Number(numAffectedRows) > 0;
}

async function findUnembedded(
  db: Kysely<Schema>,
  { low, high }: NumberRange,
  limit: number,
): Promise<readonly UnembeddedExchange[]> {
  const { rows } = await sql<UnembeddedExchange>`
    select id, left(prompt, ${READ_CHARACTERS}) as prompt, left(response, ${READ_CHARACTERS}) as response
    from exchanges
    where seq >= ${low} and seq < ${high}
      and not exists (select from exchange_vectors where exchange_id = exchanges.id)
    order by seq desc limit ${limit}`.execute(db);
  return rows;
}

/** Of exchanges that are still there. */
async function store(
  db: Kysely<Schema>,
  { id, dimensions }: StoredEmbedder,
  vectors: ReadonlyMap<string, Float32Array>,
): Promise<void> {
  await sql`
    insert into exchange_vectors (exchange_id, embedder, dimensions, embedding)
    select exchanges.id, ${id}, ${dimensions}, made.embedding::vector
    from unnest(${[...vectors.keys()]}::uuid[], ${[...vectors.values()].map(toVectorText)}::text[]) as made (id, embedding)
    join exchanges on exchanges.id = made.id
    on conflict (exchange_id) do update set
      embedder = excluded.embedder, dimensions = excluded.dimensions, embedding = excluded.embedding`.execute(
    db,
  );
}

async function count(
  db: Kysely<Schema>,
  { id, dimensions }: StoredEmbedder,
  caller: string | undefined,
): Promise<{ done: number; total: number }> {
  const made = sql`embedder = ${id} and dimensions = ${dimensions}`;
  const { rows } =
    caller === undefined
      ? await sql<{ done: string; total: string | null }>`
        select
          (select count(*) from exchange_vectors where ${made}) as done,
          (select sum(count) from exchange_counts) as total`.execute(db)
      : await sql<{ done: string; total: string | null }>`
        select
          (select count(*) from exchanges join exchange_vectors on exchange_id = exchanges.id
            where caller = ${caller} and ${made}) as done,
          (select sum(count) from exchange_counts where caller = ${caller}) as total`.execute(db);
  return { done: Number(rows[0]?.done ?? 0), total: Number(rows[0]?.total ?? 0) };
}

async function findNearest(
  db: Kysely<Schema>,
  { embedder, vector, limit, filters, language }: NearestRequest,
): Promise<readonly NearExchange[]> {
  const passes = matches(filters)(expressionBuilder<Schema, 'exchanges'>());
  const ofLanguage = language === undefined ? sql`true` : sql`language = ${language}::regconfig`;
  const type = sql.raw(`vector(${vector.length})`);
  const distance = sql`embedding::${type} <=> ${toVectorText(vector)}::${type}`;
  const ofEmbedder = sql`dimensions = ${sql.raw(String(vector.length))} and embedder = ${embedder.id}`;
  if (filters.caller !== undefined && (await isComparable(db, filters.caller))) {
    const { rows } = await sql<NearExchange>`
      with own as materialized (
        select seq, ${distance} as distance from exchanges join exchange_vectors on exchange_id = exchanges.id
        where ${ofEmbedder} and ${passes} and ${ofLanguage}
      )
      select seq, 1 - distance as similarity from own order by distance, seq desc limit ${limit}`.execute(db);
    return rows;
  }
  const isFiltered = language !== undefined || Object.values(filters).some(value => value !== undefined);
  const lookedThrough = isFiltered ? MAX_LOOKED_THROUGH : limit;
  await sql`select set_config('hnsw.ef_search', ${String(lookedThrough)}, true)`.execute(db);
  const { rows } = await sql<NearExchange>`
    select seq, 1 - distance as similarity
    from (
      select exchange_id, ${distance} as distance from exchange_vectors
      where ${ofEmbedder}
      order by ${distance} limit ${lookedThrough}
    ) near
    join exchanges on exchanges.id = exchange_id
    where ${passes} and ${ofLanguage}
    order by distance, seq desc limit ${limit}`.execute(db);
  return rows;
}

async function isComparable(db: Kysely<Schema>, caller: string): Promise<boolean> {
  return (await countExchanges(db, { caller })) <= MAX_COMPARED;
}
