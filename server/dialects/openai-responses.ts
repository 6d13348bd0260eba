// A response as a whole, in any state it may be in. Knows no stream.
// https://platform.openai.com/docs/api-reference/responses/object
import { z } from 'zod';
import type { Sampling, Usage } from '../domain/generation.js';
import type { GroundingReport } from '../domain/grounding.js';
import type { AppError } from '../errors.js';
import type { EncoderContext } from './dialect.js';
import { someGroundingFields, toSomeWireGrounding } from './grounding-fields.js';
import { toUnixSeconds } from './openai-answer.js';
import type { ResponsesBody } from './openai-responses-body.js';

const count = z.int().min(0);
const itemStatus = z.enum(['in_progress', 'completed', 'incomplete']);
const alternative = z.object({ token: z.string(), logprob: z.number(), bytes: z.array(count).nullable() });
export const logprobSchema = alternative.extend({ top_logprobs: z.array(alternative) });

export const outputTextSchema = z.object({
  type: z.literal('output_text'),
  text: z.string(),
  annotations: z.array(z.never()),
  logprobs: z.array(logprobSchema),
});

export const outputItemSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('message'),
    id: z.string(),
    status: itemStatus,
    role: z.literal('assistant'),
    content: z.array(outputTextSchema),
  }),
  z.object({
    type: z.literal('function_call'),
    id: z.string(),
    call_id: z.string(),
    name: z.string(),
    arguments: z.string(),
    status: itemStatus,
  }),
]);

const responseStatusSchema = z.enum([
  'queued',
  'in_progress',
  'completed',
  'incomplete',
  'failed',
  'cancelled',
]);

const usageSchema = z.object({
  input_tokens: count,
  input_tokens_details: z.object({ cached_tokens: count }),
  output_tokens: count,
  output_tokens_details: z.object({ reasoning_tokens: z.literal(0) }),
  total_tokens: count,
});

export const responseAnswerSchema = z.object({
  id: z.string(),
  object: z.literal('response'),
  created_at: count.describe('Seconds since 1970.'),
  completed_at: count.nullable(),
  status: responseStatusSchema,
  background: z.boolean(),
  error: z.object({ code: z.enum(['server_error', 'invalid_prompt']), message: z.string() }).nullable(),
  incomplete_details: z.object({ reason: z.literal('max_output_tokens') }).nullable(),
  instructions: z.string().nullable(),
  max_output_tokens: count.nullable(),
  metadata: z.record(z.string(), z.string()),
  model: z.string(),
  output: z.array(outputItemSchema),
  parallel_tool_calls: z.boolean(),
  previous_response_id: z.string().nullable(),
  reasoning: z.object({ effort: z.null(), summary: z.null() }),
  service_tier: z.literal('default'),
  store: z.boolean(),
  temperature: z.number(),
  text: z.object({ format: z.looseObject({ type: z.string() }) }),
  tool_choice: z.union([z.string(), z.looseObject({ type: z.string() })]),
  tools: z.array(z.looseObject({ type: z.literal('function') })),
  top_logprobs: count,
  top_p: z.number(),
  truncation: z.literal('disabled'),
  usage: usageSchema.nullable(),
  user: z.string().nullable(),
  ...someGroundingFields,
});

export type ResponseAnswer = z.output<typeof responseAnswerSchema>;
export type ResponseStatus = z.output<typeof responseStatusSchema>;
export type OutputItem = z.output<typeof outputItemSchema>;

export interface ResponseContext extends EncoderContext {
  readonly body: ResponsesBody;
  readonly sampling: Sampling;
  /** The time, whenever it is asked. */
  readonly now: () => Date;
}

/** What of a response changes while it is written. */
export interface ResponseProgress {
  readonly status: ResponseStatus;
  readonly completedAt: Date | null;
  readonly error: AppError | null;
  readonly output: readonly OutputItem[];
  readonly usage: Usage | null;
  readonly grounding: GroundingReport | null;
}

export function toResponseId(exchangeId: string): string {
  return `resp_${exchangeId}`;
}

function toWireUsage({ promptTokens, cachedTokens, completionTokens }: Usage): z.output<typeof usageSchema> {
  return {
    input_tokens: promptTokens,
    input_tokens_details: { cached_tokens: cachedTokens },
    output_tokens: completionTokens,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: promptTokens + completionTokens,
  };
}

/** Parameters are told as they are in force. */
export function responseAnswer(context: ResponseContext, progress: ResponseProgress): ResponseAnswer {
  const { body, sampling } = context;
  const { status, completedAt, error, output, usage } = progress;
  return {
    id: toResponseId(context.id),
    object: 'response',
    created_at: toUnixSeconds(context.createdAt),
    completed_at: completedAt === null ? null : toUnixSeconds(completedAt),
    status,
    background: body.background ?? false,
    error: error && {
      code: error.status < 500 ? 'invalid_prompt' : 'server_error',
      message: error.message,
    },
    incomplete_details: status === 'incomplete' ? { reason: 'max_output_tokens' } : null,
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    metadata: body.metadata ?? {},
    model: context.model,
    output: [...output],
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    previous_response_id: body.previous_response_id ?? null,
    reasoning: { effort: null, summary: null },
    service_tier: 'default',
    store: body.store ?? true,
    temperature: sampling.temperature,
    text: { format: body.text?.format ?? { type: 'text' } },
    tool_choice: body.tool_choice ?? 'auto',
    tools: (body.tools ?? []).map(
      ({ type, name, description = null, parameters = null, strict = false }) => ({
        type,
        name,
        description,
        parameters,
        strict,
      }),
    ),
    top_logprobs: body.top_logprobs ?? 0,
    top_p: sampling.topP,
    truncation: 'disabled',
    usage: usage && toWireUsage(usage),
    user: body.user ?? null,
    ...toSomeWireGrounding(progress.grounding),
  };
}
