// Exchanges put straight into a test's database, as the log's follower would put them.
import type { Exchange } from '../domain/exchange.js';
import type { Database } from '../store/database.js';
import { toExchangeRow } from '../store/exchange-row.js';
import { putIntoDatabase } from '../store/insert-exchanges.js';
import { toLogLine } from '../store/log-line.js';
import { sampleExchange } from './sample-exchange.js';

const ROWS_A_STATEMENT = 250;

/** `0192f0c1-0000-7000-8000-00000000002a` for 42: ids in the order of their numbers. */
export function exchangeId(number: number): string {
  return `0192f0c1-0000-7000-8000-${number.toString(16).padStart(12, '0')}`;
}

/** The exchange of that number, ended so many minutes after 2026-01-01. */
export function numberedExchange(number: number, fields: Partial<Exchange> = {}): Exchange {
  return sampleExchange({
    id: exchangeId(number),
    timestamp: new Date(Date.UTC(2026, 0, 1) + number * 60_000).toISOString(),
    prompt: `Question ${number}?`,
    response: `Answer ${number}.`,
    ...fields,
  });
}

/** @param language the text search configuration of all of them */
export async function storeExchanges(
  database: Database,
  exchanges: readonly Exchange[],
  language = 'simple',
): Promise<void> {
  for (let start = 0; start < exchanges.length; start += ROWS_A_STATEMENT) {
    const rows = exchanges
      .slice(start, start + ROWS_A_STATEMENT)
      .map(exchange => toExchangeRow(Buffer.from(toLogLine(exchange).trimEnd()), () => language));
    const refused = await putIntoDatabase(database, { rows, firstId: exchangeId(0), end: null });
    if (refused.length > 0) throw new Error(`${refused.length} exchanges were refused`);
  }
}
