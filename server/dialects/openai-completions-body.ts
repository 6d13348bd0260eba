// The body of POST /v1/completions: a text, or its tokens, to go on from. Fields not listed are ignored.
// https://github.com/openai/openai-node, resources/completions.ts
import { z } from 'zod';
import type { Sampling, TextInput, TokenInput } from '../domain/generation.js';
import { streamOptionsSchema } from './openai-chat-body.js';
import { MAX_TOKENS, openAiSamplingFields, toChoices, toOpenAiSampling } from './openai-sampling.js';
import { refusedField } from './refused-field.js';

/** OpenAI's own default. */
const DEFAULT_MAX_TOKENS = 16;
const MAX_PROMPTS = 64;
const MAX_ANSWERS = 128;

const text = z.string().min(1);
const tokenIds = z
  .array(
    z
      .int()
      .min(0)
      .max(2 ** 31 - 1),
  )
  .min(1);
const fields = z.object({
  model: z.string().max(256).nullish().describe('The served model, by its id or an alias; absent, the same.'),
  prompt: z
    .union(
      [text, tokenIds, z.array(text).min(1).max(MAX_PROMPTS), z.array(tokenIds).min(1).max(MAX_PROMPTS)],
      {
        error: `a text, its token ids, or a list of up to ${MAX_PROMPTS} of either; none of them empty`,
      },
    )
    .describe('What to go on from: a text or its token ids, or a list of either; without the chat template.'),
  stream: z.boolean().nullish().describe('The answer as server-sent events, as it is written.'),
  stream_options: streamOptionsSchema.nullish(),
  max_tokens: z
    .int()
    .min(1)
    .max(MAX_TOKENS)
    .nullish()
    .describe(`Most tokens of each answer; ${DEFAULT_MAX_TOKENS} when absent.`),
  ...openAiSamplingFields,
  logprobs: z
    .int()
    .min(0)
    .max(5)
    .nullish()
    .describe('So many alternatives per token, beside the log-probability of its own.'),
  echo: z.boolean().nullish().describe('The answer begins with the prompt.'),
  best_of: z.int().min(1).nullish().describe('Only what n is: answers are not ranked.'),
  suffix: refusedField('the model cannot fill a gap.', [null, '']),
  documents: refusedField('a text is gone on with as it is; ask /v1/chat/completions.', [null, false]),
  user: z.unknown().optional().describe('Accepted; it is not recorded.'),
});

type Fields = z.output<typeof fields>;

export const completionsBodySchema = fields.superRefine((body, context) => {
  const fault = (path: string, message: string, params?: { unsupported: true }): void =>
    context.addIssue({ code: 'custom', path: [path], message, ...(params ? { params } : {}) });
  const n = body.n ?? 1;
  if (body.stream !== true && body.stream_options != null) fault('stream_options', 'needs stream to be true');
  if (body.best_of != null && body.best_of !== n) {
    fault('best_of', 'is not supported: answers are not ranked, so it can only be what n is.', {
      unsupported: true,
    });
  }
  if (body.echo === true && body.logprobs != null) {
    fault('logprobs', 'is not supported with echo: the tokens of the prompt have none.', {
      unsupported: true,
    });
  }
  if (promptsOf(body).length * n > MAX_ANSWERS) {
    fault('n', `makes more than ${MAX_ANSWERS} answers, counted over all prompts`);
  }
});

export type CompletionsBody = z.output<typeof completionsBodySchema>;
export type CompletionInput = TextInput | TokenInput;

function promptsOf({ prompt }: Fields): CompletionInput[] {
  if (typeof prompt === 'string') return [{ prompt }];
  const ids = prompt.filter(each => typeof each === 'number');
  if (ids.length > 0) return [{ tokenIds: ids }];
  return prompt.flatMap((each): CompletionInput[] => {
    if (typeof each === 'number') return [];
    return [typeof each === 'string' ? { prompt: each } : { tokenIds: each }];
  });
}

export interface CompletionGeneration {
  readonly input: CompletionInput;
  readonly sampling: Sampling;
}

/** For each prompt its choices. @param drawnSeed the one to use when the body has none */
export function toCompletionGenerations(body: CompletionsBody, drawnSeed: number): CompletionGeneration[][] {
  const sampling: Sampling = {
    ...toOpenAiSampling(body, drawnSeed),
    maxTokens: body.max_tokens ?? DEFAULT_MAX_TOKENS,
    logprobs: body.logprobs ?? null,
  };
  const choices = toChoices(sampling, body.n ?? 1);
  return promptsOf(body).map(input => choices.map(choice => ({ input, sampling: choice })));
}
