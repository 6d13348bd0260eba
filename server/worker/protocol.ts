// The worker protocol, version 1: NDJSON both ways over the worker's stdin and stdout, one object a line, UTF-8.
// Owns the schemas; knows nothing of processes. protocol.fixtures.jsonl holds one line of each kind and is read by
// vitest and by pytest, so the two languages cannot drift.
import { z } from 'zod';
import type {
  GenerateRequest,
  GenerationInput,
  Message,
  Sampling,
  Timings,
  TokenLogprob,
  Usage,
} from '../domain/generation.js';

export const PROTOCOL_VERSION = 1;
/** A longer line, either way, is a protocol error. */
export const MAX_LINE_BYTES = 1024 * 1024;

const count = z.int().min(0);
const ms = z.number().min(0);

const detailsSchema = z.object({
  family: z.string(),
  layers: count.nullable(),
  embedding_length: count.nullable(),
  heads: count.nullable(),
  kv_heads: count.nullable(),
  vocabulary: count.nullable(),
  /** Of the weights on disk. */
  size_bytes: count,
  modified_at: z.iso.datetime(),
  /** The chat template, in Jinja. */
  template: z.string().nullable(),
});

const modelSchema = z.object({
  id: z.string(),
  /** `sha256:` of the weights and tokenizer that were loaded. */
  digest: z.string(),
  architecture: z.string(),
  parameters: count,
  context_length: z.int().min(1),
  dtype: z.string(),
  quantization: z.string(),
  device: z.string(),
  chat_template: z.boolean(),
  /** How this model's chat template has tools called; null when it knows none that we can parse. */
  tool_format: z.string().nullable().default(null),
  /** Of the text that ships with the program: with the weights as given, and as rounded for speed. */
  perplexity: z.object({ unquantized: z.number(), quantized: z.number() }).nullable().default(null),
  /** What clients may ask about it. */
  details: detailsSchema.nullable().default(null),
});

const embedderSchema = z.object({
  id: z.string(),
  dimensions: z.int().min(1),
  /** Tokens of a text beyond which it is cut. */
  context_length: z.int().min(1),
  family: z.string(),
  /** `sha256:` of its files. */
  digest: z.string(),
  size_bytes: count,
  modified_at: z.iso.datetime(),
  /** Path of its tokenizer.json; null: a word is a token. */
  tokenizer: z.string().nullable().default(null),
});

const usageSchema = z.object({ prompt_tokens: count, cached_tokens: count, completion_tokens: count });
const timingsSchema = z.object({ queue: ms, prefill: ms, decode: ms });

/** [token text, logprob, [[alternative text, logprob], …]] */
const logprobSchema = z.tuple([z.string(), z.number(), z.array(z.tuple([z.string(), z.number()]))]);
const tokenItemSchema = z.union([
  z.tuple([z.string(), z.string(), count]),
  z.tuple([z.string(), z.string(), count, z.array(logprobSchema)]),
]);

export const workerMessageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('loading'), stage: z.string(), done: ms, total: ms }),
  z.object({
    type: z.literal('ready'),
    protocol: z.int(),
    model: modelSchema,
    engine: z.string(),
    slots: z.int().min(1),
    embedder: embedderSchema.nullable().default(null),
  }),
  /** Requests that wait for room in the model's cache: said at once and then every second while they do. */
  z.object({ type: z.literal('delayed'), ids: z.array(z.string()) }),
  z.object({ type: z.literal('started'), id: z.string(), prompt_tokens: count, cached_tokens: count }),
  z.object({ type: z.literal('tokens'), items: z.array(tokenItemSchema) }),
  z.object({
    type: z.literal('done'),
    id: z.string(),
    reason: z.enum(['stop', 'length', 'cancelled']),
    stop_sequence: z.string().nullable(),
    usage: usageSchema,
    timings: timingsSchema,
    numerics: z.string(),
    context: z.array(count).optional(),
  }),
  z.object({ type: z.literal('error'), id: z.string().nullable(), code: z.string(), message: z.string() }),
  z.object({ type: z.literal('tokenized'), id: z.string(), tokens: count }),
  z.object({ type: z.literal('detokenized'), id: z.string(), text: z.string() }),
  z.object({
    type: z.literal('embeddings'),
    id: z.string(),
    /** All vectors one after the other, little-endian float32, in base64. */
    vectors: z.string(),
    dimensions: z.int().min(1),
    /** Of each text, after it was cut. */
    tokens: z.array(count),
    truncated: z.array(z.boolean()),
  }),
  /** step grows with every engine step; running counts admitted requests. Sent every second from a thread of its own. */
  z.object({ type: z.literal('heartbeat'), step: count, running: count, rss_bytes: count }),
]);

export type WorkerMessage = z.infer<typeof workerMessageSchema>;
export type WorkerModel = z.infer<typeof modelSchema>;
export type WorkerEmbedder = z.infer<typeof embedderSchema>;
export type WireLogprob = z.infer<typeof logprobSchema>;

const messageSchema = z.object({
  role: z.enum(['system', 'user', 'assistant', 'tool']),
  content: z.string(),
  tool_calls: z.array(z.object({ id: z.string(), name: z.string(), arguments: z.string() })).optional(),
  tool_call_id: z.string().optional(),
  name: z.string().optional(),
});
const jsonObject = z.record(z.string(), z.unknown());
const toolSchema = z.object({
  name: z.string(),
  description: z.string().optional(),
  parameters: jsonObject,
});
/** Exactly one of `messages` (rendered by the chat template), `prompt` and `token_ids` (taken raw) is set. */
const inputFields = {
  messages: z.array(messageSchema).optional(),
  prompt: z.string().optional(),
  token_ids: z.array(count).optional(),
  tools: z.array(toolSchema).optional(),
  continue_final: z.boolean().optional(),
  context_ids: z.array(count).optional(),
};
const constraintSchema = z.union([
  z.object({ type: z.literal('json_object') }),
  z.object({ type: z.literal('json_schema'), schema: jsonObject }),
]);

const samplingSchema = z.object({
  max_tokens: z.int().min(1),
  temperature: z.number().min(0),
  top_p: z.number(),
  top_k: count,
  min_p: z.number(),
  typical_p: z.number(),
  repetition_penalty: z.number(),
  repetition_window: count,
  presence_penalty: z.number(),
  frequency_penalty: z.number(),
  seed: count,
  stop: z.array(z.string()),
  logprobs: count.nullable(),
  logit_bias: z.record(z.string(), z.number()),
  constraint: constraintSchema.nullable(),
});

export const gatewayMessageSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('generate'),
    id: z.string(),
    ...inputFields,
    sampling: samplingSchema,
    /** `done` is to carry the ids of prompt and answer. */
    wants_context: z.boolean().optional(),
    /** Id of the trace it is a part of, for the worker's own lines on stderr. */
    trace: z
      .string()
      .regex(/^[\da-f]{32}$/)
      .optional(),
  }),
  z.object({ type: z.literal('cancel'), id: z.string() }),
  z.object({ type: z.literal('tokenize'), id: z.string(), ...inputFields }),
  z.object({ type: z.literal('detokenize'), id: z.string(), token_ids: z.array(count) }),
  z.object({
    type: z.literal('embed'),
    id: z.string(),
    /** Texts, or ids of the embedder's own tokenizer. */
    inputs: z.array(z.union([z.string(), z.array(count)])),
    /** False refuses a text that is too long instead of cutting it. */
    truncate: z.boolean(),
  }),
  z.object({ type: z.literal('shutdown') }),
]);

export type GatewayMessage = z.infer<typeof gatewayMessageSchema>;

type WireMessage = z.infer<typeof messageSchema>;
type WireInput = Omit<Extract<GatewayMessage, { type: 'tokenize' }>, 'type' | 'id'>;

function toWireSampling(sampling: Sampling): z.infer<typeof samplingSchema> {
  return {
    max_tokens: sampling.maxTokens,
    temperature: sampling.temperature,
    top_p: sampling.topP,
    top_k: sampling.topK,
    min_p: sampling.minP,
    repetition_penalty: sampling.repetitionPenalty,
    presence_penalty: sampling.presencePenalty,
    frequency_penalty: sampling.frequencyPenalty,
    seed: sampling.seed,
    stop: [...sampling.stop],
    logprobs: sampling.logprobs,
    typical_p: sampling.typicalP,
    repetition_window: sampling.repetitionWindow,
    logit_bias: sampling.logitBias,
    constraint: sampling.constraint,
  };
}

function toWireMessage({ role, content, toolCalls, toolCallId, name }: Message): WireMessage {
  return {
    role,
    content,
    ...(toolCalls === undefined ? {} : { tool_calls: toolCalls.map(call => ({ ...call })) }),
    ...(toolCallId === undefined ? {} : { tool_call_id: toolCallId }),
    ...(name === undefined ? {} : { name }),
  };
}

/** The input fields of `generate` and `tokenize`. */
export function toWireInput(input: GenerationInput): WireInput {
  if (input.tokenIds) return { token_ids: [...input.tokenIds] };
  const { contextIds } = input;
  const context = contextIds === undefined ? {} : { context_ids: [...contextIds] };
  if (input.messages === undefined) return { prompt: input.prompt, ...context };
  const { messages, tools, continueFinal } = input;
  return {
    messages: messages.map(toWireMessage),
    ...(tools === undefined ? {} : { tools: tools.map(tool => ({ ...tool })) }),
    ...(continueFinal === undefined ? {} : { continue_final: continueFinal }),
    ...context,
  };
}

export function toGenerateMessage(request: GenerateRequest): GatewayMessage {
  const { id, input, sampling, wantsContext, trace } = request;
  return {
    type: 'generate',
    id,
    ...toWireInput(input),
    sampling: toWireSampling(sampling),
    ...(wantsContext === true ? { wants_context: true } : {}),
    ...(trace === undefined ? {} : { trace: trace.traceId }),
  };
}

export function fromWireLogprob([token, logprob, top]: WireLogprob): TokenLogprob {
  return { token, logprob, top: top.map(([text, value]) => ({ token: text, logprob: value })) };
}

export function fromWireUsage(usage: z.infer<typeof usageSchema>): Usage {
  return {
    promptTokens: usage.prompt_tokens,
    cachedTokens: usage.cached_tokens,
    completionTokens: usage.completion_tokens,
  };
}

export function fromWireTimings(timings: z.infer<typeof timingsSchema>): Timings {
  return { queueMs: timings.queue, prefillMs: timings.prefill, decodeMs: timings.decode };
}
