// The body of POST /generate: system A's prompt, plus sampling under the worker protocol's own names.
import { z } from 'zod';
import type { GenerationInput, Sampling } from '../domain/generation.js';
import { promptSchema } from './prompt-text.js';
import { samplingFields, toSampling } from './sampling-fields.js';

export const generateBodySchema = z.strictObject({
  prompt: promptSchema,
  ...samplingFields,
  logprobs: z
    .int()
    .min(0)
    .max(20)
    .nullable()
    .default(null)
    .describe('Alternatives to report for each token.'),
});

export type GenerateBody = z.output<typeof generateBodySchema>;

/** `seed` is the one to use when the body has none. */
export function toGeneration(
  body: GenerateBody,
  seed: number,
): { input: GenerationInput; sampling: Sampling } {
  return {
    input: { messages: [{ role: 'user', content: body.prompt }] },
    sampling: { ...toSampling(body, seed), logprobs: body.logprobs },
  };
}
