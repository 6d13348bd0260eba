// How the gateway is, as GET /health tells it: what anybody with a key may know, and the rest for an admin.
import { z } from 'zod';

const count = z.int().min(0);

const perplexitySchema = z.strictObject({ unquantized: z.number(), quantized: z.number() });

const modelSchema = z.strictObject({
  id: z.string(),
  digest: z.string().describe('Of the weights and tokenizer that were loaded.'),
  architecture: z.string(),
  parameters: z.number(),
  context_length: z.number(),
  dtype: z.string(),
  quantization: z.string(),
  device: z.string(),
  chat_template: z.boolean(),
  tool_format: z.string().nullable().describe('Null when it cannot call tools.'),
  perplexity: perplexitySchema.nullable(),
});

const embedderSchema = z.strictObject({
  id: z.string(),
  dimensions: z.number(),
  context_length: z.number().describe('Tokens of a text beyond which it is cut.'),
  family: z.string(),
  digest: z.string(),
  size_bytes: z.number(),
  modified_at: z.string(),
});

const workerSchema = z.strictObject({
  state: z.enum(['starting', 'ready', 'unloaded', 'restarting', 'failed', 'stopped']),
  loading: z.strictObject({ stage: z.string(), done: z.number(), total: z.number() }).nullable(),
  model: modelSchema.nullable(),
  engine: z.string().nullable(),
  embedder: embedderSchema.nullable(),
  slots: count,
});

const exitSchema = z.strictObject({
  at: z.string(),
  code: z.int().nullable(),
  signal: z.string().nullable(),
  reason: z.string(),
  stderr: z.array(z.string()).readonly().describe('The last lines it wrote.'),
});

const writerSchema = z.strictObject({
  degraded: z.boolean().describe('The disk does not take it.'),
  spooled: count,
  dropped: count,
  torn_tails: count,
  last_error: z.string().nullable(),
});

const everyonesSchema = z.strictObject({
  status: z
    .enum(['ok', 'degraded', 'loading', 'unloaded', 'failed', 'stopping'])
    .describe('`degraded` answers prompts, but something needs a look.'),
  version: z.string(),
  uptime_s: count,
  queue: z.strictObject({ waiting: count, running: count, max_waiting: count }),
  documents: z
    .strictObject({
      top_k: count,
      threshold: z.number().describe('Least similarity of a passage, from -1 to 1.'),
    })
    .describe('What grounds an answer where a request does not say it.'),
});

export const userHealthSchema = everyonesSchema.extend({
  worker: workerSchema,
  log: writerSchema.pick({ degraded: true }),
  vault: z.strictObject({ state: z.string(), vectors: z.boolean() }),
});

export const adminHealthSchema = everyonesSchema.extend({
  worker: workerSchema.extend({
    fault: z.string().nullable().describe('Why it cannot be served, and the remedy.'),
    pid: z.int().nullable(),
    running: count,
    restarts: count,
    recycles: count.describe('How often it was replaced because it took too much memory.'),
    rss_bytes: z.number().nullable(),
    last_exit: exitSchema.nullable(),
    protocol_faults: z.record(z.string(), z.number()).readonly(),
  }),
  upstream: z
    .strictObject({
      url: z.string(),
      is_down: z.boolean(),
      last_success_at: z.string().nullable(),
      last_failure: z.strictObject({ at: z.string(), code: z.string(), message: z.string() }).nullable(),
    })
    .optional()
    .describe('Where another server answers.'),
  log: writerSchema,
  audit: writerSchema,
  vault: z.strictObject({
    state: z.string(),
    kind: z.string().nullable(),
    fault: z.string().nullable(),
    vectors: z.boolean(),
    indexed: count,
    last_indexed_at: z.string().nullable(),
    behind_bytes: z.number().nullable().describe('Of the log, what the database has not yet.'),
    damaged: count,
  }),
  limits: z.strictObject({
    enabled: z.boolean(),
    store: z.string(),
    refused: z.record(z.string(), z.number()).readonly(),
    redis: z
      .strictObject({ up: z.boolean(), fallbacks: count, last_error: z.string().nullable() })
      .nullable(),
  }),
});

export const healthSchema = z.union([adminHealthSchema, userHealthSchema]);

export type UserHealth = z.output<typeof userHealthSchema>;
export type AdminHealth = z.output<typeof adminHealthSchema>;
export type Health = z.output<typeof healthSchema>;
