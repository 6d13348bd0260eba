// OpenAI's completions as they are sent, one answer or chunks; both have the same shape.
// https://github.com/openai/openai-node, resources/completions.ts
import { z } from 'zod';
import type { ChoiceEvent, ChoicesResult, GenerationEvent, TokenLogprob } from '../domain/generation.js';
import type { StreamEncoder } from './dialect.js';
import {
  type OpenAiContext,
  toFinishReason,
  toOpenAiUsage,
  toUnixSeconds,
  usageSchema,
} from './openai-answer.js';
import { chunkUsageSchema, createChunkStreamEncoder } from './openai-chunk-stream.js';
import { sseData } from './sse-frame.js';

const index = z.int().min(0);
const logprobsSchema = z.object({
  tokens: z.array(z.string()),
  token_logprobs: z.array(z.number()),
  top_logprobs: z.array(z.record(z.string(), z.number())).nullable(),
  text_offset: z.array(index).describe('Characters of the answer before the token.'),
});
const finishReason = z.enum(['stop', 'length']);
const head = { id: z.string(), created: index, model: z.string(), system_fingerprint: z.string() };
const choice = z.object({ index, text: z.string(), logprobs: logprobsSchema.nullable() });

export const completionAnswerSchema = z.object({
  ...head,
  object: z.literal('text_completion'),
  choices: z.array(choice.extend({ finish_reason: finishReason })),
  usage: usageSchema,
});

export const completionChunkSchema = z.object({
  ...head,
  object: z.literal('text_completion'),
  choices: z.array(choice.extend({ finish_reason: finishReason.nullable() })),
  usage: chunkUsageSchema,
});

type Chunk = z.input<typeof completionChunkSchema>;

function headOf({ id, createdAt, model, fingerprint }: OpenAiContext) {
  return {
    id: `cmpl-${id}`,
    object: 'text_completion' as const,
    created: toUnixSeconds(createdAt),
    model,
    system_fingerprint: fingerprint(),
  };
}

/** Gives the form of each run of tokens that follows another; knows how far the answer has come. */
function createLogprobs(): (logprobs: readonly TokenLogprob[]) => z.input<typeof logprobsSchema> {
  let offset = 0;
  return logprobs => ({
    tokens: logprobs.map(({ token }) => token),
    token_logprobs: logprobs.map(({ logprob }) => logprob),
    top_logprobs: logprobs.every(({ top }) => top.length === 0)
      ? null
      : logprobs.map(({ top }) => Object.fromEntries(top.map(each => [each.token, each.logprob]))),
    text_offset: logprobs.map(({ token }) => {
      const before = offset;
      offset += [...token].length;
      return before;
    }),
  });
}

export function completionAnswer(
  { choices, usage }: ChoicesResult,
  context: OpenAiContext,
): z.input<typeof completionAnswerSchema> {
  return {
    ...headOf(context),
    choices: choices.map(({ text, logprobs, reason }, at) => ({
      index: at,
      text,
      logprobs: logprobs && createLogprobs()(logprobs),
      finish_reason: toFinishReason(reason),
    })),
    usage: toOpenAiUsage(usage),
  };
}

/** @param includesUsage adds a chunk with usage before the end, and `usage: null` to all others */
export function createCompletionEncoder(
  context: OpenAiContext,
  includesUsage: boolean,
): StreamEncoder<ChoiceEvent> {
  const forms: ReturnType<typeof createLogprobs>[] = [];
  /** Taken at the first chunk: no chunk of one answer may differ in it. */
  let known: ReturnType<typeof headOf> | null = null;

  const chunk = (choices: Chunk['choices'], usage: Chunk['usage'] = null): string => {
    known ??= headOf(context);
    return sseData({ ...known, choices, ...(includesUsage ? { usage } : {}) } satisfies Chunk);
  };
  const encode = (at: number, event: GenerationEvent): string => {
    if (event.type === 'done') {
      return chunk([{ index: at, text: '', logprobs: null, finish_reason: toFinishReason(event.reason) }]);
    }
    if (event.type !== 'token' || (event.text === '' && event.logprobs === undefined)) return '';
    const form = forms[at] ?? createLogprobs();
    forms[at] = form;
    const logprobs = event.logprobs ? form(event.logprobs) : null;
    return chunk([{ index: at, text: event.text, logprobs, finish_reason: null }]);
  };
  return createChunkStreamEncoder({
    choice: encode,
    usage: usage => (includesUsage ? chunk([], toOpenAiUsage(usage)) : ''),
  });
}
