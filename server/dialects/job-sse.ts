// System C's wire format: named server-sent events, each with the id from which its stream can be taken up again.
import { z } from 'zod';
import type { ClientEvent, JobEvent, JobPoint } from '../domain/job.js';
import type { EncoderContext, StreamEncoder } from './dialect.js';
import { groundingFields, toWireGrounding } from './grounding-fields.js';
import { SSE_CONTENT_TYPE, SSE_PING, sseComment, sseEvent } from './sse-frame.js';
import { toWireTimings, toWireUsage, wireTimingsSchema, wireUsageSchema } from './wire-figures.js';

/** How soon an EventSource is to come back. */
const RETRY_MS = 2_000;
/** One that was replaced would come back as soon, to replace the other one in its turn: not today. */
const RETRY_WHEN_REPLACED_MS = 86_400_000;

const count = z.int().min(0);
const job = { job_id: z.string() };
const errorSchema = z.object({ code: z.string(), message: z.string(), request_id: z.string() });

/** By the event's name, what its `data` holds. */
export const JOB_EVENT_SCHEMAS = {
  queued: z.strictObject({
    ...job,
    position: count.describe('1 is next, 0 is at work.'),
    estimated_wait_ms: count.nullable().describe('Until its turn; null while that is not known.'),
  }),
  loading: z.strictObject({ ...job, stage: z.string(), done: z.number(), total: z.number() }),
  grounded: z.strictObject({ ...job, ...groundingFields }),
  started: z.strictObject({ ...job, prompt_tokens: count, cached_tokens: count }),
  token: z.strictObject({ ...job, text: z.string() }),
  done: z.strictObject({
    ...job,
    model: z.string(),
    done_reason: z.enum(['stop', 'length', 'cancelled']),
    usage: wireUsageSchema,
    timings: wireTimingsSchema,
  }),
  error: z.strictObject({
    job_id: z.string().nullable().describe('Null when it is the stream itself that ends.'),
    error: errorSchema,
  }),
  reset: z.strictObject({
    job_id: z
      .string()
      .nullable()
      .describe('Null when what the reader has is of a job that is not known any more.'),
    text: z.string().describe('All that the job has said so far; it takes the place of what the reader has.'),
  }),
  replaced: z.strictObject({}),
} as const;

export const jobEventSchema = z.union(Object.values(JOB_EVENT_SCHEMAS));

function toWire(jobId: string, event: JobEvent, model: string): unknown {
  const head = { job_id: jobId };
  switch (event.type) {
    case 'queued':
      return { ...head, position: event.position, estimated_wait_ms: event.estimatedWaitMs };
    case 'loading':
      return { ...head, stage: event.stage, done: event.done, total: event.total };
    case 'grounded':
      return { ...head, ...toWireGrounding(event.report) };
    case 'started':
      return { ...head, prompt_tokens: event.promptTokens, cached_tokens: event.cachedTokens };
    case 'token':
      return { ...head, text: event.text };
    case 'done':
      return {
        ...head,
        model,
        done_reason: event.reason,
        usage: toWireUsage(event.usage),
        timings: toWireTimings(event.timings),
      };
    case 'error':
      return {
        ...head,
        error: { code: event.error.code, message: event.error.message, request_id: event.error.requestId },
      };
  }
}

const idOf = ({ jobId, seq }: JobPoint): string => `${jobId}:${seq}`;

export function createJobSseEncoder({
  model,
  requestId,
}: Pick<EncoderContext, 'model' | 'requestId'>): StreamEncoder<ClientEvent> {
  let isFirst = true;
  const retry = (): { retry?: number } => {
    if (!isFirst) return {};
    isFirst = false;
    return { retry: RETRY_MS };
  };
  const encode = (event: ClientEvent): string => {
    switch (event.type) {
      case 'connected':
        return sseComment('connected');
      case 'job':
        return sseEvent({
          event: event.event.type,
          id: idOf(event),
          ...retry(),
          data: toWire(event.jobId, event.event, model),
        });
      case 'reset':
        return sseEvent({
          event: 'reset',
          id: idOf(event),
          ...retry(),
          data: { job_id: event.jobId, text: event.text },
        });
      case 'forgotten':
        return sseEvent({ event: 'reset', ...retry(), data: { job_id: null, text: '' } });
      case 'replaced':
        return sseEvent({ event: 'replaced', retry: RETRY_WHEN_REPLACED_MS, data: {} });
      case 'finished':
        return '';
    }
  };
  return {
    contentType: SSE_CONTENT_TYPE,
    events: batch => batch.map(encode).join(''),
    isTerminal: ({ type }) => type === 'replaced' || type === 'finished',
    heartbeat: () => SSE_PING,
    error: ({ code, message }) =>
      sseEvent({
        event: 'error',
        ...retry(),
        data: { job_id: null, error: { code, message, request_id: requestId } },
      }),
  };
}
