// What can be asked of a kept response: its queries, and its input items a page at a time.
// https://platform.openai.com/docs/api-reference/responses/input-items
import { z } from 'zod';
import { AppError } from '../errors.js';
import { inputItemSchema } from './openai-responses-items.js';
import { wholeNumberSchema } from './query-number.js';

const DEFAULT_PAGE = 20;
const MAX_PAGE = 100;

export const retrieveQuerySchema = z.object({
  stream: z.enum(['true', 'false']).optional().describe('The events of a background response.'),
  starting_after: wholeNumberSchema(0, Number.MAX_SAFE_INTEGER)
    .optional()
    .describe('With stream: only events whose sequence_number is higher.'),
});

export const inputItemsQuerySchema = z.object({
  limit: wholeNumberSchema(1, MAX_PAGE).default(DEFAULT_PAGE).describe('Items a page.'),
  order: z.enum(['asc', 'desc']).default('desc').describe('Of the input, or from its end.'),
  after: z.string().optional().describe('The last item of the page before.'),
});

export const inputItemsSchema = z.object({
  object: z.literal('list'),
  data: z.array(inputItemSchema),
  first_id: z.string().nullable(),
  last_id: z.string().nullable(),
  has_more: z.boolean(),
});

export const deletedResponseSchema = z.object({
  id: z.string(),
  object: z.literal('response'),
  deleted: z.literal(true),
});

/** @throws AppError invalid_request when `after` is none of the items */
export function inputItemsAnswer<Item extends { readonly id: string }>(
  items: readonly Item[],
  { limit, order, after }: z.output<typeof inputItemsQuerySchema>,
) {
  const ordered = order === 'asc' ? items : items.toReversed();
  const last = after === undefined ? -1 : ordered.findIndex(({ id }) => id === after);
  if (after !== undefined && last === -1) {
    throw new AppError('invalid_request', `"after": there is no input item "${after}".`, { param: 'after' });
  }
  const data = ordered.slice(last + 1, last + 1 + limit);
  return {
    object: 'list',
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: last + 1 + data.length < ordered.length,
  };
}
