// The body of POST /generate: system A's prompt, plus sampling under the worker protocol's own names.
import { z } from 'zod';
import type { GenerationInput, Sampling } from '../domain/generation.js';
import { defaultSampling, RECOMMENDED } from './default-sampling.js';
import { promptSchema } from './prompt-text.js';

const MAX_STOP_STRINGS = 16;
const MAX_STOP_CHARACTERS = 256;

const stopString = z.string().min(1).max(MAX_STOP_CHARACTERS);

/** Defaults: 300 new tokens by contract, the rest as for every format. */
export const generateBodySchema = z.strictObject({
  prompt: promptSchema,
  max_tokens: z.int().min(1).max(100_000).default(300),
  temperature: z.number().min(0).max(2).default(RECOMMENDED.temperature),
  top_p: z.number().gt(0).max(1).default(RECOMMENDED.topP),
  top_k: z.int().min(0).max(1_000_000).default(RECOMMENDED.topK),
  min_p: z.number().min(0).max(1).default(0),
  repetition_penalty: z.number().gt(0).max(10).default(RECOMMENDED.repetitionPenalty),
  presence_penalty: z.number().min(-2).max(2).default(0),
  frequency_penalty: z.number().min(-2).max(2).default(0),
  seed: z.int().min(0).max(Number.MAX_SAFE_INTEGER).optional(),
  stop: z
    .union([stopString, z.array(stopString).max(MAX_STOP_STRINGS)], {
      error: `a string or up to ${MAX_STOP_STRINGS} strings, each of 1 to ${MAX_STOP_CHARACTERS} characters`,
    })
    .default([]),
  logprobs: z.int().min(0).max(20).nullable().default(null),
});

export type GenerateBody = z.output<typeof generateBodySchema>;

/** `seed` is the one to use when the body has none. */
export function toGeneration(
  body: GenerateBody,
  seed: number,
): { input: GenerationInput; sampling: Sampling } {
  return {
    input: { messages: [{ role: 'user', content: body.prompt }] },
    sampling: {
      ...defaultSampling(body.seed ?? seed),
      maxTokens: body.max_tokens,
      temperature: body.temperature,
      topP: body.top_p,
      topK: body.top_k,
      minP: body.min_p,
      repetitionPenalty: body.repetition_penalty,
      presencePenalty: body.presence_penalty,
      frequencyPenalty: body.frequency_penalty,
      stop: typeof body.stop === 'string' ? [body.stop] : body.stop,
      logprobs: body.logprobs,
    },
  };
}
