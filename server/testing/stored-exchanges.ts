// Exchanges put straight into a test's database, as the log's follower would put them.
import type { Exchange } from '../domain/exchange.js';
import type { Database } from '../store/database.js';
import { toLogLine } from '../store/log-line.js';
import { sampleExchange } from './sample-exchange.js';

const ROWS_A_STATEMENT = 1_000;

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

export async function storeExchanges(
  database: Pick<Database, 'run'>,
  exchanges: readonly Exchange[],
  language = 'simple',
): Promise<void> {
  for (let start = 0; start < exchanges.length; start += ROWS_A_STATEMENT) {
    const rows = exchanges.slice(start, start + ROWS_A_STATEMENT).map(exchange => ({
      id: exchange.id,
      ended_at: exchange.timestamp,
      status: exchange.status,
      dialect: exchange.dialect,
      caller: exchange.caller,
      model: exchange.model.id,
      prompt_tokens: exchange.usage?.promptTokens ?? null,
      completion_tokens: exchange.usage?.completionTokens ?? null,
      line: toLogLine(exchange).trimEnd(),
      prompt: exchange.prompt,
      response: exchange.response,
      language,
    }));
    await database.run(db =>
      db
        .insertInto('exchanges')
        .values(rows)
        .onConflict(conflict => conflict.column('id').doNothing())
        .execute(),
    );
  }
}
