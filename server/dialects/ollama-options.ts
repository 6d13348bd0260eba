// The `options` of Ollama's generate and chat: what each one does here, or why it cannot.
// https://github.com/ollama/ollama, api/types.go (Options, Runner) and docs/modelfile.mdx
import { z } from 'zod';
import type { Sampling } from '../domain/generation.js';
import { defaultSampling, unaskedOf } from './default-sampling.js';
import { refusedField } from './refused-field.js';

const MAX_COUNT = 100_000_000;
const MAX_STOP_STRINGS = 16;
const MAX_STOP_CHARACTERS = 256;

/** Options that tell the runner how to use the machine; the worker has settings of its own for that. */
const tuning = (what: string) =>
  z
    .unknown()
    .optional()
    .describe(`${what}. Accepted, no effect on the answer: this worker chooses by itself.`);
const share = (low: number) => z.number().gt(low).max(1);
const penalty = () => z.number().min(-2).max(2);
const stopString = z.string().min(1).max(MAX_STOP_CHARACTERS);

export const ollamaOptionsSchema = z
  .object({
    temperature: z.number().min(0).max(2).nullish().describe('0 always takes the likeliest token.'),
    top_k: z
      .int()
      .min(-1)
      .max(MAX_COUNT)
      .nullish()
      .describe('Only so many of the likeliest tokens; 0 or −1 is off.'),
    top_p: share(0).nullish().describe('Only the likeliest tokens that make up this share.'),
    min_p: z
      .number()
      .min(0)
      .max(1)
      .nullish()
      .describe('Only tokens at least this likely beside the likeliest.'),
    typical_p: share(0).nullish().describe('Locally typical sampling; 1 is off.'),
    seed: z
      .int()
      .min(-MAX_COUNT)
      .max(Number.MAX_SAFE_INTEGER)
      .nullish()
      .describe('Same seed, same answer; a negative one is drawn.'),
    num_predict: z
      .int()
      .min(-2)
      .max(MAX_COUNT)
      .refine(count => count !== 0, { error: 'at least 1, or −1 for no limit' })
      .nullish()
      .describe('Most tokens of the answer; −1 and −2: as many as the context holds.'),
    num_ctx: z
      .int()
      .min(1)
      .max(MAX_COUNT)
      .nullish()
      .describe('Most tokens of prompt and answer together; the context of the model is the other bound.'),
    stop: z
      .union([stopString, z.array(stopString).max(MAX_STOP_STRINGS)])
      .nullish()
      .describe(`A string or up to ${MAX_STOP_STRINGS} that end the answer and are not part of it.`),
    repeat_penalty: z
      .number()
      .gt(0)
      .max(10)
      .nullish()
      .describe('Above 1 makes repeating less likely, prompt included; 1 is off.'),
    repeat_last_n: z
      .int()
      .min(-1)
      .max(MAX_COUNT)
      .nullish()
      .describe('How many of the last tokens repeat_penalty looks at; 0 switches it off, −1 is all.'),
    presence_penalty: penalty().nullish().describe('Over the generated text.'),
    frequency_penalty: penalty().nullish().describe('Over the generated text.'),

    num_keep: tuning('Tokens that stay when a context is shifted, which never happens here'),
    num_batch: tuning('Batch size'),
    num_gpu: tuning('Layers on the GPU'),
    main_gpu: tuning('First GPU'),
    num_thread: tuning('Threads'),
    draft_num_predict: tuning('Speculative tokens'),
    numa: tuning('Memory placement'),
    low_vram: tuning('Memory placement'),
    use_mmap: tuning('How weights are read'),
    use_mlock: tuning('How weights are held'),

    mirostat: refusedField('there is no Mirostat sampling', [null, 0]),
    mirostat_tau: refusedField('there is no Mirostat sampling', [null, 5]),
    mirostat_eta: refusedField('there is no Mirostat sampling', [null, 0.1]),
    tfs_z: refusedField('there is no tail-free sampling', [null, 1]),
    penalize_newline: refusedField('a line end is penalised as any token is', [null, true]),
    f16_kv: refusedField('MINIVAULT_QUANTIZATION rules the numerics', [null, true]),
    logits_all: refusedField('see "logprobs"', [null, false]),
    vocab_only: refusedField('the whole model is loaded', [null, false]),
    embedding_only: refusedField('see POST /api/embed', [null, false]),
  })
  .describe('What is left out is as for every format; see the README.');

export type OllamaOptions = z.output<typeof ollamaOptionsSchema>;

/** `seed` is the one to use when the options have none. num_ctx is not sampling: see generation/fit-context.ts. */
export function toOllamaSampling(options: OllamaOptions, seed: number): Sampling {
  const defaults = defaultSampling(seed);
  const wanted = options.num_predict ?? -1;
  const window = options.repeat_last_n ?? -1;
  const stop = options.stop ?? [];
  return {
    ...defaults,
    unasked: unaskedOf({
      temperature: options.temperature,
      topP: options.top_p,
      topK: options.top_k,
      repetitionPenalty: window === 0 ? 1 : options.repeat_penalty,
    }),
    maxTokens: wanted > 0 ? wanted : defaults.maxTokens,
    temperature: options.temperature ?? defaults.temperature,
    topK: Math.max(0, options.top_k ?? defaults.topK),
    topP: options.top_p ?? defaults.topP,
    minP: options.min_p ?? defaults.minP,
    typicalP: options.typical_p ?? defaults.typicalP,
    repetitionPenalty: window === 0 ? 1 : (options.repeat_penalty ?? defaults.repetitionPenalty),
    repetitionWindow: Math.max(0, window),
    presencePenalty: options.presence_penalty ?? defaults.presencePenalty,
    frequencyPenalty: options.frequency_penalty ?? defaults.frequencyPenalty,
    seed: (options.seed ?? -1) < 0 ? seed : (options.seed ?? seed),
    stop: typeof stop === 'string' ? [stop] : stop,
  };
}
