// Anthropic's answers: a whole message, or its stream of events. https://docs.claude.com/en/api/messages-streaming
import { z } from 'zod';
import type { FinishReason, GenerationEvent, ToolCall, Usage } from '../domain/generation.js';
import type { GroundingReport } from '../domain/grounding.js';
import { anthropicErrorBody } from './anthropic-error.js';
import type { EncoderContext, StreamEncoder } from './dialect.js';
import { someGroundingFields, toSomeWireGrounding } from './grounding-fields.js';
import { SSE_CONTENT_TYPE, sseEvent } from './sse-frame.js';

export interface MessageContext extends EncoderContext {
  /** What the request allowed: an answer that ended at a length before it has filled the context. */
  readonly maxTokens: number;
}

/** What a finished generation is to this format. */
export interface MessageResult {
  readonly text: string;
  readonly toolCalls: readonly ToolCall[];
  readonly reason: FinishReason;
  readonly stopSequence: string | null;
  readonly usage: Usage;
  readonly grounding: GroundingReport | null;
}

const count = z.int().min(0);
const usageSchema = z.object({
  input_tokens: count.describe('Of the prompt, without those of cache_read_input_tokens.'),
  cache_creation_input_tokens: z.literal(0),
  cache_read_input_tokens: count.describe('Prompt tokens that were reused instead of computed.'),
  output_tokens: count,
});
const stopReasonSchema = z.enum([
  'end_turn',
  'max_tokens',
  'stop_sequence',
  'tool_use',
  'model_context_window_exceeded',
]);
const textBlockSchema = z.object({ type: z.literal('text'), text: z.string(), citations: z.null() });
const toolUseBlockSchema = z.object({
  type: z.literal('tool_use'),
  id: z.string(),
  name: z.string(),
  input: z.record(z.string(), z.unknown()),
});
const blockSchema = z.discriminatedUnion('type', [textBlockSchema, toolUseBlockSchema]);

export const messageAnswerSchema = z.object({
  id: z.string(),
  type: z.literal('message'),
  role: z.literal('assistant'),
  model: z.string(),
  content: z.array(blockSchema),
  stop_reason: stopReasonSchema.nullable(),
  stop_sequence: z.string().nullable(),
  usage: usageSchema,
  ...someGroundingFields,
});

/** The data of each event; the event's name is its `type`. */
export const messageChunkSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('message_start'), message: messageAnswerSchema }),
  z.object({ type: z.literal('content_block_start'), index: count, content_block: blockSchema }),
  z.object({
    type: z.literal('content_block_delta'),
    index: count,
    delta: z.discriminatedUnion('type', [
      z.object({ type: z.literal('text_delta'), text: z.string() }),
      z.object({ type: z.literal('input_json_delta'), partial_json: z.string() }),
    ]),
  }),
  z.object({ type: z.literal('content_block_stop'), index: count }),
  z.object({
    type: z.literal('message_delta'),
    delta: z.object({ stop_reason: stopReasonSchema.nullable(), stop_sequence: z.string().nullable() }),
    usage: usageSchema,
  }),
  z.object({ type: z.literal('message_stop') }),
  z.object({ type: z.literal('ping') }),
  z.object({
    type: z.literal('error'),
    error: z.object({ type: z.string(), message: z.string() }),
    request_id: z.string(),
  }),
]);

export type MessageAnswer = z.output<typeof messageAnswerSchema>;
type MessageChunk = z.output<typeof messageChunkSchema>;
type Block = z.output<typeof blockSchema>;

function toWireUsage({ promptTokens, cachedTokens, completionTokens }: Usage): z.output<typeof usageSchema> {
  return {
    input_tokens: promptTokens - cachedTokens,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: cachedTokens,
    output_tokens: completionTokens,
  };
}

/** Null for an answer that was cancelled: nobody is left to read it. */
function toStopReason(
  { reason, stopSequence, usage }: Pick<MessageResult, 'reason' | 'stopSequence' | 'usage'>,
  hasToolCalls: boolean,
  maxTokens: number,
): z.output<typeof stopReasonSchema> | null {
  if (reason === 'cancelled') return null;
  if (reason === 'length') {
    return usage.completionTokens < maxTokens ? 'model_context_window_exceeded' : 'max_tokens';
  }
  if (hasToolCalls) return 'tool_use';
  return stopSequence === null ? 'end_turn' : 'stop_sequence';
}

const textBlock = (text: string): Block => ({ type: 'text', text, citations: null });
const toolUseBlock = ({ id, name }: ToolCall, input: Record<string, unknown>): Block => ({
  type: 'tool_use',
  id,
  name,
  input,
});

function startMessage(
  { id, model }: MessageContext,
  usage: Usage,
  report: GroundingReport | null,
): MessageAnswer {
  return {
    id: `msg_${id}`,
    type: 'message',
    role: 'assistant',
    model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: toWireUsage(usage),
    ...toSomeWireGrounding(report),
  };
}

export function messageAnswer(result: MessageResult, context: MessageContext): MessageAnswer {
  const { text, toolCalls, stopSequence, usage } = result;
  return {
    ...startMessage(context, usage, result.grounding),
    content: [
      ...(text === '' ? [] : [textBlock(text)]),
      ...toolCalls.map(call => toolUseBlock(call, JSON.parse(call.arguments))),
    ],
    stop_reason: toStopReason(result, toolCalls.length > 0, context.maxTokens),
    stop_sequence: stopSequence,
  };
}

export function createMessagesEncoder(context: MessageContext): StreamEncoder {
  let report: GroundingReport | null = null;
  let isStarted = false;
  let isTextOpen = false;
  let blocks = 0;
  let hasToolCalls = false;

  const frame = (data: MessageChunk): string => sseEvent({ event: data.type, data });
  const start = (usage: Usage): string => {
    if (isStarted) return '';
    isStarted = true;
    return frame({ type: 'message_start', message: startMessage(context, usage, report) });
  };
  const openText = (): string => {
    if (isTextOpen) return '';
    isTextOpen = true;
    return frame({ type: 'content_block_start', index: blocks, content_block: textBlock('') });
  };
  const closeText = (): string => {
    if (!isTextOpen) return '';
    isTextOpen = false;
    blocks += 1;
    return frame({ type: 'content_block_stop', index: blocks - 1 });
  };
  const toolUse = (call: ToolCall): string => {
    hasToolCalls = true;
    const index = blocks;
    blocks += 1;
    return (
      frame({ type: 'content_block_start', index, content_block: toolUseBlock(call, {}) }) +
      frame({
        type: 'content_block_delta',
        index,
        delta: { type: 'input_json_delta', partial_json: call.arguments },
      }) +
      frame({ type: 'content_block_stop', index })
    );
  };
  const encode = (event: GenerationEvent): string => {
    switch (event.type) {
      case 'queued':
        return '';
      case 'grounded':
        report = event.report;
        return '';
      case 'started':
        return start({ ...event, completionTokens: 0 });
      case 'token': {
        if (event.text === '') return '';
        const delta = { type: 'text_delta', text: event.text } as const;
        return openText() + frame({ type: 'content_block_delta', index: blocks, delta });
      }
      case 'tool_call':
        return closeText() + toolUse(event.call);
      case 'done':
        return (
          start({ ...event.usage, completionTokens: 0 }) +
          closeText() +
          frame({
            type: 'message_delta',
            delta: {
              stop_reason: toStopReason(event, hasToolCalls, context.maxTokens),
              stop_sequence: event.stopSequence,
            },
            usage: toWireUsage(event.usage),
          }) +
          frame({ type: 'message_stop' })
        );
    }
  };
  return {
    contentType: SSE_CONTENT_TYPE,
    events: batch => batch.map(encode).join(''),
    heartbeat: () => frame({ type: 'ping' }),
    error: error => frame(anthropicErrorBody(error, context.requestId)),
  };
}
