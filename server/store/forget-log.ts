// Takes out of the database what it has from one log, so that it is made anew; several logs may share a database.
import { sql } from 'kysely';
import type { Database } from './database.js';
import { toExchangeRow } from './exchange-row.js';
import { readLineBatches } from './line-batches.js';
import { readFirstId } from './log-rewrite.js';
import { listLogFiles } from './rotation.js';

/** Every row and position, whichever log they are from. @throws the database's error. */
export async function forgetAllLogs(database: Database): Promise<void> {
  await database.run(db => sql`truncate exchanges, log_files cascade`.execute(db));
}

/**
 * The rows of the exchanges in the log at `path`, and how far its files were read. Resolves with how many exchanges
 * are left, which are of no file of this log. Nobody may write or follow it meanwhile. Broken off, its files are read
 * from their start, and rows that were not gone yet stay as they are.
 * @throws the system's or the database's error.
 */
export async function forgetLog(path: string, database: Database): Promise<number> {
  // First, so that whoever follows the log next reads all of it, wherever this ends.
  const firstIds = (await Promise.all((await listLogFiles(path)).map(readFirstId))).filter(id => id !== null);
  await database.run(db => sql`delete from log_files where first_id = any(${firstIds}::uuid[])`.execute(db));
  for await (const lines of readLineBatches(path)) {
    const ids = lines.flatMap(idOf);
    await database.run(db => sql`delete from exchanges where id = any(${ids}::uuid[])`.execute(db));
  }
  const { rows } = await database.run(db =>
    sql<{ count: string }>`select coalesce(sum(count), 0) as count from exchange_counts`.execute(db),
  );
  return Number(rows[0]?.count);
}

function idOf(line: Buffer): string[] {
  try {
    return [toExchangeRow(line, () => '').id];
  } catch {
    // No exchange, so no row is made of it.
    return [];
  }
}
