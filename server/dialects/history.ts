// The history as it is asked for and told: filters, a page, an export's query.
import { z } from 'zod';
import { historyItemSchema } from './history-item.js';
import { wholeNumberSchema } from './query-number.js';

const MAX_LIMIT = 100;
const DEFAULT_LIMIT = 20;
const MAX_OFFSET = 10_000;
const MAX_NAME_LENGTH = 200;
const EARLIEST_MS = Date.UTC(1970);
const LATEST_MS = Date.UTC(9999);

const nameSchema = z
  .string()
  .min(1, 'must not be empty')
  .max(MAX_NAME_LENGTH)
  .refine(text => !text.includes('\0'), 'holds a NUL character');

const TIME_MESSAGE =
  'must be a time with its zone, such as 2026-11-21T12:00:00Z (a + in a query is %2B), or a day, from 1970 to 9998';
const timeSchema = z
  .union([z.iso.datetime({ offset: true }), z.iso.date()], TIME_MESSAGE)
  .transform(text => new Date(text))
  .refine(time => time.getTime() >= EARLIEST_MS && time.getTime() < LATEST_MS, TIME_MESSAGE);

export const historyFilterFields = {
  status: z.enum(['completed', 'cancelled', 'failed']).optional().describe('How it ended.'),
  model: nameSchema.optional().describe('Id of the model that answered.'),
  dialect: nameSchema.optional().describe('The format it was asked in, such as openai-chat.'),
  caller: nameSchema.optional().describe('Name of the authenticated client.'),
  since: timeSchema.optional().describe('Ended then or later; a day begins at midnight UTC.'),
  until: timeSchema.optional().describe('Ended before then.'),
};

export const historyQuerySchema = z
  .strictObject({
    limit: wholeNumberSchema(1, MAX_LIMIT).default(DEFAULT_LIMIT).describe('Exchanges a page.'),
    offset: wholeNumberSchema(0, MAX_OFFSET)
      .optional()
      .describe('Exchanges to skip; further back, use `cursor`.'),
    cursor: z.string().optional().describe('The `next_cursor` of the page before, with the same filters.'),
    ...historyFilterFields,
  })
  .refine(({ cursor, offset }) => cursor === undefined || offset === undefined, {
    error: 'has no place beside "offset"',
    path: ['cursor'],
  });

export type HistoryQuery = z.output<typeof historyQuerySchema>;

export const exchangePathSchema = z.object({ id: z.string().describe('The id of the exchange.') });

export const historyPageSchema = z.object({
  items: z.array(historyItemSchema).describe('Newest first.'),
  total: z.int().min(0).describe('All that match, on whatever page; exact.'),
  limit: z.int(),
  offset: z.int().nullable().describe('Null on a page that a cursor names.'),
  next_cursor: z.string().nullable().describe('Null on the last page.'),
});

export interface HistoryAnswer {
  /** Each the JSON of an exchange. */
  readonly lines: readonly string[];
  readonly total: number;
  readonly nextCursor: string | null;
}

/** As JSON. The lines are JSON already: parsing a page of long ones would hold up the streams beside it. */
export function encodeHistoryPage({ lines, total, nextCursor }: HistoryAnswer, query: HistoryQuery): string {
  const { limit, cursor, offset = cursor === undefined ? 0 : null } = query;
  const rest = JSON.stringify({ total, limit, offset, next_cursor: nextCursor });
  return `{"items":[${lines.join(',')}],${rest.slice(1)}`;
}
