// The search through the history as it is asked for and told.
import { z } from 'zod';
import { historyFilterFields } from './history.js';
import { wholeNumberSchema } from './query-number.js';

const MAX_LIMIT = 100;
const DEFAULT_LIMIT = 20;
const MAX_OFFSET = 10_000;
/** No one types more; longer ones cost the database more than they say. */
const MAX_QUERY_CHARACTERS = 1_000;

export const searchExchangesQuerySchema = z.strictObject({
  query: z
    .string()
    .max(MAX_QUERY_CHARACTERS)
    .refine(text => text.isWellFormed() && !text.includes('\0'), 'holds a NUL character')
    .describe('Words, "a phrase", `or`, -excluded. Without a word to look for, nothing is found.'),
  mode: z
    .enum(['text', 'semantic', 'hybrid'])
    .default('text')
    .describe('By words, by meaning, or by both with their rankings fused; the last two need pgvector.'),
  language: z
    .string()
    .min(1)
    .max(63)
    .optional()
    .describe(
      'Searches exchanges of this language alone, by the name PostgreSQL has for it; else each is searched in its own.',
    ),
  limit: wholeNumberSchema(1, MAX_LIMIT).default(DEFAULT_LIMIT).describe('Exchanges a page.'),
  offset: wholeNumberSchema(0, MAX_OFFSET).default(0).describe('Exchanges to skip.'),
  ...historyFilterFields,
});

export type SearchExchangesQuery = z.output<typeof searchExchangesQuerySchema>;

const place = z.int().min(1).nullable();
const count = z.int().min(0);
const html = (what: string) =>
  z.string().describe(`Passages of ${what}, as HTML: escaped, with <mark> around what matches.`);

const itemSchema = z.object({
  id: z.string(),
  timestamp: z.iso.datetime().describe('When it ended.'),
  status: z.enum(['completed', 'cancelled', 'failed']),
  dialect: z.string(),
  caller: z.string().nullable(),
  model: z.string(),
  language: z.string().describe('That it was taken to be in.'),
  score: z.number().describe('Comparable within one answer only; by meaning it is the cosine.'),
  places: z.object({ text: place, semantic: place }).describe('In each ranking, 1 is the best.'),
  highlights: z.object({ prompt: html('the prompt'), response: html('the response') }),
});

export const searchExchangesAnswerSchema = z.object({
  items: z.array(itemSchema).describe('The best first; GET /history/{id} has the whole of each.'),
  total: count.describe('How many there are to page through.'),
  total_is_exact: z
    .boolean()
    .describe(
      'False: more match. Of matches by words the newest 500 are ranked, by meaning the nearest 100.',
    ),
  searched_back_to: z.iso
    .datetime()
    .nullable()
    .describe(
      'Words were looked for in exchanges that ended then or later, and `until` takes it to go on from there; null: in all.',
    ),
  embedded: z
    .object({ done: count, total: count })
    .nullable()
    .describe('How many exchanges can be found by their meaning yet; null in text mode.'),
  mode: z.enum(['text', 'semantic', 'hybrid']),
  limit: z.int(),
  offset: z.int(),
});

/** What was found, in the words of the core. */
export interface SearchExchangesHits {
  readonly hits: ReadonlyArray<{
    readonly id: string;
    readonly ended_at: Date;
    readonly status: string;
    readonly dialect: string;
    readonly caller: string | null;
    readonly model: string;
    readonly language: string;
    readonly score: number;
    readonly textPlace: number | null;
    readonly meaningPlace: number | null;
    readonly prompt: string;
    readonly response: string;
  }>;
  readonly total: number;
  readonly isTotalExact: boolean;
  readonly lookedBackTo: Date | null;
  readonly embedded: { readonly done: number; readonly total: number } | null;
}

/** What surrounds a match in a passage, one character each. */
export interface Marks {
  readonly start: string;
  readonly end: string;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function toHtml(passage: string, { start, end }: Marks): string {
  return passage
    .replaceAll(/[&<>"']/g, character => ESCAPES[character] ?? '')
    .replaceAll(start, '<mark>')
    .replaceAll(end, '</mark>');
}

export function searchExchangesAnswer(
  { hits, total, isTotalExact, lookedBackTo, embedded }: SearchExchangesHits,
  { mode, limit, offset }: SearchExchangesQuery,
  marks: Marks,
): z.input<typeof searchExchangesAnswerSchema> {
  return {
    items: hits.map(hit => ({
      id: hit.id,
      timestamp: hit.ended_at.toISOString(),
      status: itemSchema.shape.status.parse(hit.status),
      dialect: hit.dialect,
      caller: hit.caller,
      model: hit.model,
      language: hit.language,
      score: hit.score,
      places: { text: hit.textPlace, semantic: hit.meaningPlace },
      highlights: { prompt: toHtml(hit.prompt, marks), response: toHtml(hit.response, marks) },
    })),
    total,
    total_is_exact: isTotalExact,
    searched_back_to: lookedBackTo?.toISOString() ?? null,
    embedded,
    mode,
    limit,
    offset,
  };
}
