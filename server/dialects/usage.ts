// What a caller has used of what it may (GET /v1/usage).
import { z } from 'zod';

const windowSchema = z
  .strictObject({
    limit: z.int().describe('Requests in any window.'),
    window_seconds: z.number(),
    remaining: z.int().describe('Requests that are free now.'),
    reset_seconds: z.int().describe('Seconds until one more is free than now; 0 when all are.'),
  })
  .nullable()
  .describe('Null where requests are not counted.');

export const usageSchema = z.strictObject({
  object: z.literal('usage'),
  caller: z.string().nullable().describe('Name of the key; null without keys.'),
  day: z.string().describe('The day of the tokens, in UTC.'),
  day_ends_in_seconds: z.int(),
  tokens_today: z
    .int()
    .describe('Of prompts, answers and embedded texts; also of what failed or was cancelled.'),
  tokens_per_day: z.int().nullable().describe('Null for any number.'),
  running: z.int().describe('Requests that run or wait, at this gateway.'),
  concurrency: z.int().nullable().describe('How many may; null for any number.'),
  requests: z.strictObject({ generation: windowSchema, embedding: windowSchema, other: windowSchema }),
});

export type UsageAnswer = z.output<typeof usageSchema>;
