// The sampling parameters of the replaced systems' bodies, under the worker protocol's own names.
import { z } from 'zod';
import type { Sampling } from '../domain/generation.js';
import { defaultSampling, RECOMMENDED, unaskedOf } from './default-sampling.js';

const MAX_STOP_STRINGS = 16;
const MAX_STOP_CHARACTERS = 256;

const stopString = z.string().min(1).max(MAX_STOP_CHARACTERS);

/** Defaults: 300 new tokens by contract, the rest as for every format. */
export const samplingFields = {
  max_tokens: z
    .int()
    .min(1)
    .max(100_000)
    .default(300)
    .describe("Most tokens to generate; the model's context may end an answer earlier."),
  temperature: z
    .number()
    .min(0)
    .max(2)
    .optional()
    .meta({ default: RECOMMENDED.temperature })
    .describe('0 always takes the likeliest token.'),
  top_p: z
    .number()
    .gt(0)
    .max(1)
    .optional()
    .meta({ default: RECOMMENDED.topP })
    .describe('Only the likeliest tokens that make up this share.'),
  top_k: z
    .int()
    .min(0)
    .max(1_000_000)
    .optional()
    .meta({ default: RECOMMENDED.topK })
    .describe('Only so many of the likeliest tokens; 0 is off.'),
  min_p: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe('Only tokens at least this likely beside the likeliest; 0 is off.'),
  repetition_penalty: z
    .number()
    .gt(0)
    .max(10)
    .optional()
    .meta({ default: RECOMMENDED.repetitionPenalty })
    .describe('Above 1 makes repeating less likely, prompt included; 1 is off.'),
  presence_penalty: z
    .number()
    .min(-2)
    .max(2)
    .default(0)
    .describe('Once for each token that the answer has, as OpenAI defines it.'),
  frequency_penalty: z
    .number()
    .min(-2)
    .max(2)
    .default(0)
    .describe('As often as the answer has the token, as OpenAI defines it.'),
  seed: z
    .int()
    .min(0)
    .max(Number.MAX_SAFE_INTEGER)
    .optional()
    .describe('Same seed, same answer; drawn when absent.'),
  stop: z
    .union([stopString, z.array(stopString).max(MAX_STOP_STRINGS)], {
      error: `a string or up to ${MAX_STOP_STRINGS} strings, each of 1 to ${MAX_STOP_CHARACTERS} characters`,
    })
    .default([])
    .describe('Text that ends the answer and is no part of it.'),
};

const fieldsSchema = z.object(samplingFields);

/** @param seed the one to use when the client gave none */
export function toSampling(fields: z.output<typeof fieldsSchema>, seed: number): Sampling {
  const { temperature, top_p: topP, top_k: topK, repetition_penalty: repetitionPenalty } = fields;
  return {
    ...defaultSampling(fields.seed ?? seed),
    unasked: unaskedOf({ temperature, topP, topK, repetitionPenalty }),
    maxTokens: fields.max_tokens,
    temperature: temperature ?? RECOMMENDED.temperature,
    topP: topP ?? RECOMMENDED.topP,
    topK: topK ?? RECOMMENDED.topK,
    minP: fields.min_p,
    repetitionPenalty: repetitionPenalty ?? RECOMMENDED.repetitionPenalty,
    presencePenalty: fields.presence_penalty,
    frequencyPenalty: fields.frequency_penalty,
    stop: typeof fields.stop === 'string' ? [fields.stop] : fields.stop,
  };
}
