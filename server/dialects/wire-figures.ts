// What an answer has cost, as the replaced systems are told it: its tokens, and where its time went.
import { z } from 'zod';
import type { Timings, Usage } from '../domain/generation.js';

const count = z.int().min(0);

export const wireUsageSchema = z.object({
  prompt_tokens: count,
  cached_tokens: count,
  completion_tokens: count,
});

export const wireTimingsSchema = z.object({
  queue_ms: z.number(),
  prefill_ms: z.number(),
  decode_ms: z.number(),
});

export function toWireUsage(usage: Usage): z.input<typeof wireUsageSchema> {
  return {
    prompt_tokens: usage.promptTokens,
    cached_tokens: usage.cachedTokens,
    completion_tokens: usage.completionTokens,
  };
}

export function toWireTimings(timings: Timings): z.input<typeof wireTimingsSchema> {
  return {
    queue_ms: timings.queueMs,
    prefill_ms: timings.prefillMs,
    decode_ms: timings.decodeMs,
  };
}
