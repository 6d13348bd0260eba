// System D's wire format: SSE data {"content": text}, a last one that says how it ended, [DONE]. Also its whole answer.
import { z } from 'zod';
import type { FinishReason, GenerationEvent, Result, Usage } from '../domain/generation.js';
import type { EncoderContext, StreamEncoder } from './dialect.js';
import {
  groundingFields,
  someGroundingFields,
  toSomeWireGrounding,
  toWireGrounding,
} from './grounding-fields.js';
import { SSE_CONTENT_TYPE, SSE_DONE, SSE_PING, sseData } from './sse-frame.js';
import { toWireUsage, wireUsageSchema } from './wire-figures.js';

const endFields = {
  id: z.string().describe("The exchange's id in the log."),
  model: z.string(),
  done_reason: z.enum(['stop', 'length', 'cancelled']),
  usage: wireUsageSchema,
};

/** What `data:` holds; the very last one is the word `[DONE]`, which is no JSON. */
export const chatChunkSchema = z.union([
  z.strictObject({ content: z.string().describe('A piece of the answer.') }),
  z.strictObject({ content: z.literal(''), ...groundingFields }),
  z.strictObject({ content: z.literal(''), ...endFields }),
  z.strictObject({
    content: z.literal(''),
    error: z.object({ code: z.string(), message: z.string(), request_id: z.string() }),
  }),
]);

export const chatAnswerSchema = z.strictObject({ content: z.string(), ...someGroundingFields, ...endFields });

interface End {
  readonly reason: FinishReason;
  readonly usage: Usage;
}

function toWireEnd({ reason, usage }: End, { id, model }: EncoderContext) {
  return {
    id,
    model,
    done_reason: reason,
    usage: toWireUsage(usage),
  };
}

export function chatAnswer(result: Result, context: EncoderContext): z.output<typeof chatAnswerSchema> {
  return { content: result.text, ...toSomeWireGrounding(result.grounding), ...toWireEnd(result, context) };
}

/** Every record but the last has a `content`, so that clients which only append it show nothing else. */
export function createSimpleSseEncoder(context: EncoderContext): StreamEncoder {
  const encode = (event: GenerationEvent): string => {
    if (event.type === 'token') return sseData({ content: event.text });
    if (event.type === 'grounded') return sseData({ content: '', ...toWireGrounding(event.report) });
    if (event.type === 'done') return sseData({ content: '', ...toWireEnd(event, context) }) + SSE_DONE;
    return '';
  };
  return {
    contentType: SSE_CONTENT_TYPE,
    events: batch => batch.map(encode).join(''),
    heartbeat: () => SSE_PING,
    // Without [DONE]: a client that waits for it must not take the answer for whole.
    error: ({ code, message }) =>
      sseData({ content: '', error: { code, message, request_id: context.requestId } }),
  };
}
