// The worker protocol, version 1: NDJSON both ways over the worker's stdin and stdout, one object a line, UTF-8.
// Owns the schemas; knows nothing of processes. protocol.fixtures.jsonl holds one line of each kind and is read by
// vitest and by pytest, so the two languages cannot drift.
import { z } from 'zod';
import type { GenerateRequest, Sampling, Timings, TokenLogprob, Usage } from '../domain/generation.js';

export const PROTOCOL_VERSION = 1;
/** A longer line, either way, is a protocol error. */
export const MAX_LINE_BYTES = 1024 * 1024;

const count = z.int().min(0);
const ms = z.number().min(0);

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
  }),
  z.object({ type: z.literal('started'), id: z.string(), prompt_tokens: count, cached_tokens: count }),
  z.object({ type: z.literal('tokens'), items: z.array(tokenItemSchema) }),
  z.object({
    type: z.literal('done'),
    id: z.string(),
    reason: z.enum(['stop', 'length', 'cancelled']),
    stop_sequence: z.string().nullable(),
    usage: usageSchema,
    timings: timingsSchema,
  }),
  z.object({ type: z.literal('error'), id: z.string().nullable(), code: z.string(), message: z.string() }),
  z.object({ type: z.literal('tokenized'), id: z.string(), tokens: count }),
  /** step grows with every engine step; running counts admitted requests. Sent every second from a thread of its own. */
  z.object({ type: z.literal('heartbeat'), step: count, running: count, rss_bytes: count }),
]);

export type WorkerMessage = z.infer<typeof workerMessageSchema>;
export type WorkerModel = z.infer<typeof modelSchema>;
export type WireLogprob = z.infer<typeof logprobSchema>;

const messageSchema = z.object({ role: z.enum(['system', 'user', 'assistant']), content: z.string() });
const inputFields = { messages: z.array(messageSchema).optional(), prompt: z.string().optional() };

const samplingSchema = z.object({
  max_tokens: z.int().min(1),
  temperature: z.number().min(0),
  top_p: z.number(),
  top_k: count,
  min_p: z.number(),
  repetition_penalty: z.number(),
  presence_penalty: z.number(),
  frequency_penalty: z.number(),
  seed: count,
  stop: z.array(z.string()),
  logprobs: count.nullable(),
});

/** Exactly one of `messages` (rendered by the chat template) and `prompt` (taken raw) is set. */
export const gatewayMessageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('generate'), id: z.string(), ...inputFields, sampling: samplingSchema }),
  z.object({ type: z.literal('cancel'), id: z.string() }),
  z.object({ type: z.literal('tokenize'), id: z.string(), ...inputFields }),
  z.object({ type: z.literal('shutdown') }),
]);

export type GatewayMessage = z.infer<typeof gatewayMessageSchema>;

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
  };
}

export function toGenerateMessage(request: GenerateRequest): GatewayMessage {
  const { messages, prompt } = request.input;
  return {
    type: 'generate',
    id: request.id,
    ...(messages ? { messages: messages.map(({ role, content }) => ({ role, content })) } : { prompt }),
    sampling: toWireSampling(request.sampling),
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
