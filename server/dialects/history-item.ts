// One kept exchange on the wire: its line of the log, as it stands there. The log's own check is stricter and is
// store/log-line.ts's business; what a newer version adds passes through.
import { z } from 'zod';
import { wireTimingsSchema, wireUsageSchema } from './wire-figures.js';

const count = z.int().min(0);

export const historyItemSchema = z
  .looseObject({
    timestamp: z.iso.datetime().describe('When it ended.'),
    prompt: z.string().describe('The last user text; empty when token ids were sent.'),
    response: z.string().describe('What the model said, also where it was cut.'),
    id: z.string(),
    status: z.enum(['completed', 'cancelled', 'failed']),
    reason: z.string().nullable().describe('stop, length or cancelled; null when it failed.'),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
    dialect: z.string().describe('The format it was asked in.'),
    caller: z.string().nullable(),
    model: z.object({ id: z.string(), digest: z.string() }),
    engine: z.string(),
    numerics: z.string().nullable().default(null).describe('What it was computed in, such as int8.'),
    input: z
      .looseObject({})
      .nullable()
      .default(null)
      .describe('All that the model was given, where that was more than the prompt.'),
    grounding: z
      .object({
        threshold: z.number(),
        sources: z.array(
          z.object({
            document_id: z.string(),
            position: count,
            start_offset: count.describe("UTF-16 code units of the document's text."),
            end_offset: count,
            score: z.number(),
          }),
        ),
        omitted: count,
        notice: z.string().nullable(),
      })
      .nullable()
      .default(null)
      .describe('The stored documents that it rests on; null when none were asked for.'),
    replay_of: z.string().nullable().default(null).describe('The exchange that this one repeats.'),
    chat_id: z.string().nullable().default(null).describe('The chat that it is a turn of.'),
    parameters: z
      .looseObject({ max_tokens: count, temperature: z.number(), seed: count })
      .describe('The sampling parameters in force, with the seed.'),
    usage: wireUsageSchema.nullable(),
    timings: wireTimingsSchema.nullable(),
    request_id: z.string(),
  })
  .meta({ id: 'Exchange' });

export type HistoryItem = z.output<typeof historyItemSchema>;
