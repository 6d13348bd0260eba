// The body of POST /generate: system A's prompt, plus sampling under the worker protocol's own names.
import { z } from 'zod';
import type { GenerationInput, Sampling } from '../domain/generation.js';

const MAX_PROMPT_CHARACTERS = 5_000;
const MAX_STOP_STRINGS = 16;
const MAX_STOP_CHARACTERS = 256;

/** White space, and characters that show nothing, such as a zero-width space. */
const BLANK = /^[\s\p{Cc}\p{Cf}]*$/u;

/** Counted as a reader counts them: code points, not UTF-16 units. */
function countCharacters(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

const promptSchema = z
  .string({ error: issue => (issue.input === undefined ? 'Missing prompt' : 'Invalid prompt') })
  .refine(text => !BLANK.test(text), { error: 'Invalid prompt', params: { detail: 'must not be blank' } })
  .refine(text => text.length <= MAX_PROMPT_CHARACTERS || countCharacters(text) <= MAX_PROMPT_CHARACTERS, {
    error: 'Invalid prompt',
    params: { detail: `must be at most ${MAX_PROMPT_CHARACTERS} characters` },
  });

const stopString = z.string().min(1).max(MAX_STOP_CHARACTERS);

/**
 * Defaults: 300 new tokens by contract; temperature and top_p as SmolLM2-Instruct recommends. Without a repetition
 * penalty three of ten answers of the packaged model loop for ever (a third of all 4-grams repeated); with 1.1 a fifth
 * of a percent are, and 1.2 breaks code.
 */
export const generateBodySchema = z.strictObject({
  prompt: promptSchema,
  max_tokens: z.int().min(1).max(100_000).default(300),
  temperature: z.number().min(0).max(2).default(0.2),
  top_p: z.number().gt(0).max(1).default(0.9),
  top_k: z.int().min(0).max(1_000_000).default(50),
  min_p: z.number().min(0).max(1).default(0),
  repetition_penalty: z.number().gt(0).max(10).default(1.1),
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
      maxTokens: body.max_tokens,
      temperature: body.temperature,
      topP: body.top_p,
      topK: body.top_k,
      minP: body.min_p,
      typicalP: 1,
      repetitionWindow: 0,
      repetitionPenalty: body.repetition_penalty,
      presencePenalty: body.presence_penalty,
      frequencyPenalty: body.frequency_penalty,
      seed: body.seed ?? seed,
      stop: typeof body.stop === 'string' ? [body.stop] : body.stop,
      logprobs: body.logprobs,
      logitBias: {},
      constraint: null,
    },
  };
}
