// One exchange as one line of the log and back: names, order and checks. Knows nothing of files.
import { z } from 'zod';
import type { Exchange } from '../domain/exchange.js';
import { fromLineGrounding, lineGroundingSchema, toLineGrounding } from './log-line-grounding.js';
import { fromLineInput, lineInputSchema, toLineInput } from './log-line-input.js';

const count = z.int().min(0);
const ms = z.number().min(0);
const jsonObject = z.record(z.string(), z.unknown());

const logLineSchema = z.object({
  timestamp: z.iso.datetime(),
  prompt: z.string(),
  response: z.string(),
  id: z.string().min(1),
  status: z.enum(['completed', 'cancelled', 'failed']),
  reason: z.string().nullable(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  dialect: z.string(),
  caller: z.string().nullable(),
  model: z.object({ id: z.string(), digest: z.string() }),
  engine: z.string(),
  numerics: z.string().nullable().default(null),
  input: lineInputSchema.nullable().default(null),
  grounding: lineGroundingSchema.nullable().default(null),
  replay_of: z.string().nullable().default(null),
  chat_id: z.guid().nullable().default(null),
  parameters: z.object({
    max_tokens: count,
    temperature: z.number(),
    top_p: z.number(),
    top_k: count,
    min_p: z.number(),
    typical_p: z.number().default(1),
    repetition_penalty: z.number(),
    repetition_window: count.default(0),
    presence_penalty: z.number(),
    frequency_penalty: z.number(),
    seed: count,
    stop: z.array(z.string()),
    logprobs: count.nullable(),
    logit_bias: z.record(z.string(), z.number()).default({}),
    constraint: z
      .union([
        z.object({ type: z.literal('json_object') }),
        z.object({ type: z.literal('json_schema'), schema: jsonObject }),
      ])
      .nullable()
      .default(null),
  }),
  usage: z.object({ prompt_tokens: count, cached_tokens: count, completion_tokens: count }).nullable(),
  timings: z.object({ queue_ms: ms, prefill_ms: ms, decode_ms: ms }).nullable(),
  request_id: z.string(),
});

type LogLine = z.infer<typeof logLineSchema>;

/**
 * The line, its newline included. A lone surrogate is escaped, so the line is always well-formed UTF-8.
 * @throws RangeError when the text is longer than a string can be.
 */
export function toLogLine(exchange: Exchange): string {
  const { parameters, usage, timings } = exchange;
  const line: LogLine = {
    timestamp: exchange.timestamp,
    prompt: exchange.prompt,
    response: exchange.response,
    id: exchange.id,
    status: exchange.status,
    reason: exchange.reason,
    error: exchange.error && { code: exchange.error.code, message: exchange.error.message },
    dialect: exchange.dialect,
    caller: exchange.caller,
    model: { id: exchange.model.id, digest: exchange.model.digest },
    engine: exchange.engine,
    numerics: exchange.numerics,
    input: exchange.input && toLineInput(exchange.input),
    grounding: exchange.grounding && toLineGrounding(exchange.grounding),
    replay_of: exchange.replayOf,
    chat_id: exchange.chatId,
    parameters: {
      max_tokens: parameters.maxTokens,
      temperature: parameters.temperature,
      top_p: parameters.topP,
      top_k: parameters.topK,
      min_p: parameters.minP,
      typical_p: parameters.typicalP,
      repetition_window: parameters.repetitionWindow,
      repetition_penalty: parameters.repetitionPenalty,
      presence_penalty: parameters.presencePenalty,
      frequency_penalty: parameters.frequencyPenalty,
      seed: parameters.seed,
      stop: [...parameters.stop],
      logprobs: parameters.logprobs,
      logit_bias: parameters.logitBias,
      constraint: parameters.constraint,
    },
    usage: usage && {
      prompt_tokens: usage.promptTokens,
      cached_tokens: usage.cachedTokens,
      completion_tokens: usage.completionTokens,
    },
    timings: timings && {
      queue_ms: timings.queueMs,
      prefill_ms: timings.prefillMs,
      decode_ms: timings.decodeMs,
    },
    request_id: exchange.requestId,
  };
  return `${JSON.stringify(line)}\n`;
}

/**
 * Fields that a newer version may have added are ignored.
 * @throws Error when the line is not the JSON of an exchange.
 */
export function fromLogLine(line: string): Exchange {
  const { request_id, parameters, usage, timings, input, grounding, replay_of, chat_id, ...same } =
    logLineSchema.parse(JSON.parse(line));
  return {
    ...same,
    input: input && fromLineInput(input),
    grounding: grounding && fromLineGrounding(grounding),
    replayOf: replay_of,
    chatId: chat_id,
    parameters: {
      maxTokens: parameters.max_tokens,
      temperature: parameters.temperature,
      topP: parameters.top_p,
      topK: parameters.top_k,
      minP: parameters.min_p,
      typicalP: parameters.typical_p,
      repetitionWindow: parameters.repetition_window,
      repetitionPenalty: parameters.repetition_penalty,
      presencePenalty: parameters.presence_penalty,
      frequencyPenalty: parameters.frequency_penalty,
      seed: parameters.seed,
      stop: parameters.stop,
      logprobs: parameters.logprobs,
      logitBias: parameters.logit_bias,
      constraint: parameters.constraint,
    },
    usage: usage && {
      promptTokens: usage.prompt_tokens,
      cachedTokens: usage.cached_tokens,
      completionTokens: usage.completion_tokens,
    },
    timings: timings && {
      queueMs: timings.queue_ms,
      prefillMs: timings.prefill_ms,
      decodeMs: timings.decode_ms,
    },
    requestId: request_id,
  };
}
