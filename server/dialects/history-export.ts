// The history as a file: the log's lines, or a table for spreadsheets.
import { stringify } from 'csv-stringify/sync';
import { z } from 'zod';
import type { StreamEncoder } from './dialect.js';
import { historyFilterFields } from './history.js';
import { type HistoryItem, historyItemSchema } from './history-item.js';

export const exportQuerySchema = z.strictObject({
  format: z
    .enum(['jsonl', 'csv'])
    .default('jsonl')
    .describe("The log's own lines, or a table with a header."),
  ...historyFilterFields,
});

export type ExportFormat = z.output<typeof exportQuerySchema>['format'];

export type ExportEvent =
  /** The JSON of an exchange. */
  { readonly type: 'exchange'; readonly line: string } | { readonly type: 'done' };

type Cell = string | number | null | undefined;

const COLUMNS: Readonly<Record<string, (item: HistoryItem) => Cell>> = {
  timestamp: item => item.timestamp,
  id: item => item.id,
  status: item => item.status,
  reason: item => item.reason,
  prompt: item => item.prompt,
  response: item => item.response,
  dialect: item => item.dialect,
  caller: item => item.caller,
  model: item => item.model.id,
  model_digest: item => item.model.digest,
  engine: item => item.engine,
  numerics: item => item.numerics,
  max_tokens: item => item.parameters.max_tokens,
  temperature: item => item.parameters.temperature,
  seed: item => item.parameters.seed,
  prompt_tokens: item => item.usage?.prompt_tokens,
  cached_tokens: item => item.usage?.cached_tokens,
  completion_tokens: item => item.usage?.completion_tokens,
  queue_ms: item => item.timings?.queue_ms,
  prefill_ms: item => item.timings?.prefill_ms,
  decode_ms: item => item.timings?.decode_ms,
  error_code: item => item.error?.code,
  error_message: item => item.error?.message,
  replay_of: item => item.replay_of,
  chat_id: item => item.chat_id,
  request_id: item => item.request_id,
};

/** RFC 4180: what holds a line break of either kind is quoted, too. A cell that a spreadsheet would take for a formula gets an apostrophe in front. */
const CSV = { record_delimiter: 'windows', escape_formulas: true, quoted_match: /[\r\n]/ } as const;

function toRow(line: string): Cell[] {
  const item = historyItemSchema.parse(JSON.parse(line));
  return Object.values(COLUMNS).map(cell => cell(item));
}

/** A failure breaks the connection in both formats: half a file must not pass for a whole one. */
export function createExportEncoder(format: ExportFormat): StreamEncoder<ExportEvent> {
  const linesOf = (batch: readonly ExportEvent[]): string[] =>
    batch.flatMap(event => (event.type === 'exchange' ? [event.line] : []));
  const silent = { heartbeat: () => '', error: () => null };
  if (format === 'jsonl') {
    return {
      ...silent,
      contentType: 'application/x-ndjson; charset=utf-8',
      events: batch =>
        linesOf(batch)
          .map(line => `${line}\n`)
          .join(''),
    };
  }
  let header = [Object.keys(COLUMNS)];
  return {
    ...silent,
    contentType: 'text/csv; charset=utf-8; header=present',
    events: batch => {
      const rows: Cell[][] = [...header, ...linesOf(batch).map(toRow)];
      header = [];
      return stringify(rows, CSV);
    },
  };
}
