// The parameters that OpenAI's two ways to generate share, and what they come to. A field may be null, which is absent.
import { z } from 'zod';
import type { Sampling } from '../domain/generation.js';
import { chosenSampling, defaultSampling, unaskedOf } from './default-sampling.js';

const MAX_CHOICES = 8;
export const MAX_TOKENS = 1_000_000_000;
const MAX_STOP_STRINGS = 4;
const MAX_STOP_CHARACTERS = 256;
const MAX_BIASES = 1_024;

const stopString = z.string().min(1).max(MAX_STOP_CHARACTERS);

export const openAiSamplingFields = {
  temperature: z
    .number()
    .min(0)
    .max(2)
    .nullish()
    .describe(
      '0 always takes the likeliest token. Set this or top_p, and exactly that is in force; set neither, and it is what the model recommends.',
    ),
  top_p: z.number().min(0).max(1).nullish().describe('Only the likeliest tokens that make up this share.'),
  top_k: z
    .int()
    .min(0)
    .max(1_000_000)
    .nullish()
    .describe("Only so many of the likeliest tokens; 0 is off. Not OpenAI's."),
  min_p: z
    .number()
    .min(0)
    .max(1)
    .nullish()
    .describe("Only tokens at least this likely beside the likeliest. Not OpenAI's."),
  repetition_penalty: z
    .number()
    .gt(0)
    .max(10)
    .nullish()
    .describe("Above 1 makes repeating less likely, prompt included; 1 is off. Not OpenAI's."),
  presence_penalty: z
    .number()
    .min(-2)
    .max(2)
    .nullish()
    .describe('Taken off the logit of every token that the answer already has.'),
  frequency_penalty: z
    .number()
    .min(-2)
    .max(2)
    .nullish()
    .describe('Taken off the logit of a token as often as the answer has it.'),
  seed: z
    .int()
    .nullish()
    .describe(
      'Same seed, same answer, as long as system_fingerprint is the same. Choice i is drawn with seed + i.',
    ),
  stop: z
    .union([stopString, z.array(stopString).max(MAX_STOP_STRINGS)], {
      error: `a string or up to ${MAX_STOP_STRINGS} strings, each of 1 to ${MAX_STOP_CHARACTERS} characters`,
    })
    .nullish()
    .describe('Ends the answer and is not part of it.'),
  logit_bias: z
    .record(z.string().regex(/^\d{1,10}$/, 'a token id'), z.number().min(-100).max(100))
    .refine(biases => Object.keys(biases).length <= MAX_BIASES, {
      error: `at most ${MAX_BIASES} tokens`,
    })
    .nullish()
    .describe('Token id to what is added to its logit.'),
  n: z.int().min(1).max(MAX_CHOICES).nullish().describe('How many answers; each is a generation of its own.'),
};

const samplingSchema = z.object(openAiSamplingFields);
export type OpenAiSamplingBody = z.output<typeof samplingSchema>;

/** Any whole number is a seed; negative ones lie at the far end. */
function toSeed(seed: number): number {
  return seed < 0 ? seed + 2 ** 53 : seed;
}

/** Without limit, log-probabilities and constraint. @param drawnSeed the one to use when the body has none */
export function toOpenAiSampling(body: OpenAiSamplingBody, drawnSeed: number): Sampling {
  const base = {
    ...defaultSampling(toSeed(body.seed ?? drawnSeed)),
    ...chosenSampling({ temperature: body.temperature, topP: body.top_p }),
  };
  return {
    ...base,
    unasked: unaskedOf({
      temperature: body.temperature,
      topP: body.top_p,
      topK: body.top_k,
      repetitionPenalty: body.repetition_penalty,
    }),
    topK: body.top_k ?? base.topK,
    minP: body.min_p ?? base.minP,
    repetitionPenalty: body.repetition_penalty ?? base.repetitionPenalty,
    presencePenalty: body.presence_penalty ?? 0,
    frequencyPenalty: body.frequency_penalty ?? 0,
    stop: typeof body.stop === 'string' ? [body.stop] : (body.stop ?? []),
    logitBias: body.logit_bias ?? {},
  };
}

/** One for each of the `n` answers, seeds counting up, around the end if need be. */
export function toChoices(sampling: Sampling, n: number): Sampling[] {
  return Array.from({ length: n }, (_, index) => {
    const room = Number.MAX_SAFE_INTEGER - index;
    return { ...sampling, seed: sampling.seed > room ? sampling.seed - room - 1 : sampling.seed + index };
  });
}
