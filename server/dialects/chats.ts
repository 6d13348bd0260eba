// Chats as they are listed and told: the list, one with its turns.
import { z } from 'zod';
import { historyItemSchema } from './history-item.js';
import { wholeNumberSchema } from './query-number.js';

const MAX_LIMIT = 100;
const DEFAULT_LIMIT = 50;
const MAX_OFFSET = 10_000;

export const chatsQuerySchema = z.strictObject({
  limit: wholeNumberSchema(1, MAX_LIMIT).default(DEFAULT_LIMIT).describe('Chats a page.'),
  offset: wholeNumberSchema(0, MAX_OFFSET).default(0).describe('Chats to skip.'),
});

export type ChatsQuery = z.output<typeof chatsQuerySchema>;

export const chatPathSchema = z.object({ id: z.string().describe('The `chat_id` of its exchanges.') });

export const chatsPageSchema = z.object({
  items: z
    .array(
      z.object({
        id: z.string(),
        title: z.string().describe('What it began with, its first 200 characters.'),
        turns: z.int().min(1),
        updated_at: z.iso.datetime().describe('When its last answer ended.'),
        caller: z.string().nullable(),
      }),
    )
    .describe('The one that was used last comes first.'),
  total: z.int().min(0),
  limit: z.int(),
  offset: z.int(),
});

export const chatSchema = z.object({
  id: z.string(),
  title: z.string(),
  turns: z
    .array(historyItemSchema)
    .describe(
      'Its exchanges, oldest first, the newest 200 at most. Each but the last is told without `input`, which the last one has whole.',
    ),
  total: z.int().min(1).describe('How many there are.'),
});

export function chatsPage(
  found: {
    readonly chats: ReadonlyArray<{
      readonly id: string;
      readonly endedAt: Date;
      readonly turns: number;
      readonly firstPrompt: string;
      readonly caller: string | null;
    }>;
    readonly total: number;
  },
  { limit, offset }: ChatsQuery,
): z.input<typeof chatsPageSchema> {
  const items = found.chats.map(({ id, endedAt, turns, firstPrompt, caller }) => ({
    id,
    title: firstPrompt,
    turns,
    updated_at: endedAt.toISOString(),
    caller,
  }));
  return { items, total: found.total, limit, offset };
}

/** @param lines of the log, oldest first, one at least */
export function chatAnswer(
  id: string,
  { lines, ids }: { readonly lines: readonly string[]; readonly ids: readonly string[] },
): z.input<typeof chatSchema> {
  const turns = lines.map((line, index) => {
    const turn = historyItemSchema.parse(JSON.parse(line));
    return index === lines.length - 1 ? turn : { ...turn, input: null };
  });
  return { id, title: turns[0]?.prompt ?? '', turns, total: ids.length };
}
