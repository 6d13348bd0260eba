// Whether the database says what the log says, line by line. Changes neither.
import type { Selectable } from 'kysely';
import type { Database } from './database.js';
import { type ExchangeRow, toExchangeRow } from './exchange-row.js';
import { readLineBatches } from './line-batches.js';
import { bytesOf } from './rotation.js';
import type { ExchangesTable } from './schema.js';

const IDS_AT_ONCE = 10_000;
/** Made of the line alone; in which language its words are taken is nobody's mistake. */
const COMPARED = [
  'line',
  'status',
  'dialect',
  'caller',
  'model',
  'prompt_tokens',
  'completion_tokens',
  'prompt',
  'response',
] as const satisfies readonly (keyof ExchangeRow)[];

type StoredRow = Pick<Selectable<ExchangesTable>, 'id' | 'ended_at' | (typeof COMPARED)[number]>;

export interface Comparison {
  /** In the log; one that stands there twice counts once. */
  readonly exchanges: number;
  /** Lines of the log that are no exchange. */
  readonly damaged: number;
  /** Ids that the log has and the database lacks. */
  readonly missing: readonly string[];
  /** Ids that the database has and the log lacks: another log's, too. */
  readonly extra: readonly string[];
  /** Ids whose row says something else than their line. */
  readonly different: readonly string[];
}

export interface ComparisonProgress {
  readonly lines: number;
  readonly bytes: number;
  /** Of all files, when it began. */
  readonly totalBytes: number;
}

/**
 * Tells `onProgress` how far it is. While exchanges come and go, some may be reported that are only on
 * their way.
 * @throws the system's or the database's error.
 */
export async function compareWithLog(
  path: string,
  database: Database,
  onProgress: (progress: ComparisonProgress) => void = () => {},
): Promise<Comparison> {
  const logged = new Set<string>();
  const missing = new Set<string>();
  const different = new Set<string>();
  let damaged = 0;
  let progress: ComparisonProgress = { lines: 0, bytes: 0, totalBytes: await bytesOf(path) };
  for await (const lines of readLineBatches(path)) {
    const rows = lines.flatMap(line => {
      try {
        return [toExchangeRow(line, () => '')];
      } catch {
        damaged++;
        return [];
      }
    });
    const stored = await readRows(
      database,
      rows.map(({ id }) => id),
    );
    for (const row of rows) {
      const found = stored.get(row.id);
      // The log may have a line twice, and the database has one of the two.
      if (found === undefined) missing.add(row.id);
      else if (isEqual(row, found)) different.delete(row.id);
      else if (!logged.has(row.id) || different.has(row.id)) different.add(row.id);
      logged.add(row.id);
    }
    const bytes = lines.reduce((sum, line) => sum + line.length + 1, progress.bytes);
    progress = { ...progress, lines: progress.lines + lines.length, bytes };
    onProgress(progress);
  }
  const extra: string[] = [];
  for await (const ids of readIds(database)) extra.push(...ids.filter(id => !logged.has(id)));
  return {
    exchanges: logged.size,
    damaged,
    missing: [...missing],
    extra,
    different: [...different],
  };
}

async function readRows(database: Database, ids: readonly string[]): Promise<Map<string, StoredRow>> {
  if (ids.length === 0) return new Map();
  const rows = await database.run(db =>
    db
      .selectFrom('exchanges')
      .select(['id', 'ended_at', ...COMPARED])
      .where('id', 'in', ids)
      .execute(),
  );
  return new Map(rows.map(row => [row.id, row]));
}

async function* readIds(database: Database): AsyncGenerator<string[]> {
  for (let after = ''; ; ) {
    const rows = await database.run(db => {
      const ids = db.selectFrom('exchanges').select('id').orderBy('id').limit(IDS_AT_ONCE);
      return (after === '' ? ids : ids.where('id', '>', after)).execute();
    });
    yield rows.map(({ id }) => id);
    if (rows.length < IDS_AT_ONCE) return;
    after = rows.at(-1)?.id ?? '';
  }
}

function isEqual(row: ExchangeRow, stored: StoredRow): boolean {
  return (
    COMPARED.every(column => row[column] === stored[column]) &&
    Date.parse(row.ended_at) === stored.ended_at.getTime()
  );
}
