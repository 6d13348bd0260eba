// What system E's POST /stream takes: a prompt, and in the query the format of the answer.
import { z } from 'zod';
import type { GenerationInput, Sampling } from '../domain/generation.js';
import { promptSchema } from './prompt-text.js';
import { samplingFields, toSampling } from './sampling-fields.js';

export const streamQuerySchema = z.strictObject({
  stream_format: z
    .enum(['text', 'openai'])
    .default('text')
    .describe("Bare text, or OpenAI's chunks as server-sent events."),
});

export const streamBodySchema = z.strictObject({ prompt: promptSchema, ...samplingFields });

export type StreamBody = z.output<typeof streamBodySchema>;

/** `seed` is the one to use when the body has none. */
export function toGeneration(
  { prompt, ...fields }: StreamBody,
  seed: number,
): { input: GenerationInput; sampling: Sampling } {
  return {
    input: { messages: [{ role: 'user', content: prompt }] },
    sampling: toSampling(fields, seed),
  };
}
