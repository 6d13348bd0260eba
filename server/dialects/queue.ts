// The line as the gateway's own routes tell it: one object, or a stream of them as server-sent events.
import { z } from 'zod';
import type { QueueItem, QueuePlace, QueueSnapshot } from '../domain/queue.js';
import type { StreamEncoder } from './dialect.js';
import { SSE_CONTENT_TYPE, SSE_PING, sseEvent } from './sse-frame.js';

const count = z.int().min(0);

const placeSchema = z.strictObject({
  position: count.describe('1 is next, 0 has its turn.'),
  phase: z.enum(['waiting', 'prefill', 'decode']).describe('`prefill` has its turn and no token yet.'),
});

const itemSchema = placeSchema.extend({
  id: z.string().describe('Of the exchange, as in the log; DELETE /v1/queue/{id} cancels it.'),
  dialect: z.string(),
  caller: z.string().nullable(),
  waited_ms: count,
  estimated_wait_ms: count.nullable().describe('Until its turn; null while that is not known.'),
  tokens: count.describe('Of its answer, so far.'),
});

export const queueSchema = z.strictObject({
  waiting: count,
  running: count,
  slots: count.describe('Exchanges that can run at once; 0 while the model is not there.'),
  tokens_per_second: z
    .number()
    .nullable()
    .describe('All answers together, over the last 10 s; null before any.'),
  model: z.strictObject({
    id: z.string().nullable(),
    state: z.string().describe('As in /health.'),
    loading: z.strictObject({ stage: z.string(), done: z.number(), total: z.number() }).nullable(),
  }),
  items: z
    .array(z.union([itemSchema, placeSchema]))
    .describe("What runs, then the line in its order; of other callers' exchanges only where they stand."),
});

export const queueIdSchema = z.object({ id: z.string().describe('Of an exchange that waits or runs.') });

export const queueCancelledSchema = z.strictObject({ id: z.string(), status: z.literal('cancelled') });

export function queueCancelled(id: string): z.output<typeof queueCancelledSchema> {
  return { id, status: 'cancelled' };
}

export function toWireQueue(snapshot: QueueSnapshot): z.output<typeof queueSchema> {
  const { waiting, running, slots, tokensPerSecond, model, items } = snapshot;
  const { id, state, loading } = model;
  return {
    waiting,
    running,
    slots,
    tokens_per_second: tokensPerSecond,
    model: { id, state, loading: loading && { ...loading } },
    items: items.map(toWireItem),
  };
}

function toWireItem(item: QueueItem | QueuePlace): z.output<typeof queueSchema>['items'][number] {
  const { position, phase } = item;
  if (!('id' in item)) return { position, phase };
  const { id, dialect, caller, waitedMs, estimatedWaitMs, tokens } = item;
  return {
    id,
    position,
    phase,
    dialect,
    caller,
    waited_ms: waitedMs,
    estimated_wait_ms: estimatedWaitMs,
    tokens,
  };
}

/** By snapshot: those who watch together are told the same. */
const texts = new WeakMap<QueueSnapshot, string>();

function toEvent(snapshot: QueueSnapshot): string {
  const text = texts.get(snapshot) ?? sseEvent({ event: 'queue', data: toWireQueue(snapshot) });
  texts.set(snapshot, text);
  return text;
}

/** Ends only with its connection or the gateway. */
export function createQueueEncoder(requestId: string): StreamEncoder<{
  readonly type: 'queue';
  readonly snapshot: QueueSnapshot;
}> {
  return {
    contentType: SSE_CONTENT_TYPE,
    events: batch => batch.map(({ snapshot }) => toEvent(snapshot)).join(''),
    isTerminal: () => false,
    heartbeat: () => SSE_PING,
    error: ({ code, message }) =>
      sseEvent({ event: 'error', data: { error: { code, message, request_id: requestId } } }),
  };
}
