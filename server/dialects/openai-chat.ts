// OpenAI's chat completions as they are sent: one answer, or chunks in the order that its clients expect.
// https://github.com/openai/openai-node, resources/chat/completions/completions.ts
import { z } from 'zod';
import type {
  ChoiceEvent,
  ChoicesResult,
  GenerationEvent,
  Result,
  TokenLogprob,
  ToolCall,
} from '../domain/generation.js';
import type { GroundingReport } from '../domain/grounding.js';
import type { StreamEncoder } from './dialect.js';
import { someGroundingFields, toSomeWireGrounding } from './grounding-fields.js';
import { oneLineJson } from './one-line-json.js';
import {
  chatLogprobsSchema,
  type OpenAiContext,
  toChatLogprobs,
  toFinishReason,
  toOpenAiUsage,
  toUnixSeconds,
  usageSchema,
} from './openai-answer.js';
import { chunkUsageSchema, createChunkStreamEncoder } from './openai-chunk-stream.js';
import { sseData } from './sse-frame.js';

const index = z.int().min(0);
const finishReason = z.enum(['stop', 'length', 'tool_calls']);
const toolCallSchema = z.object({
  id: z.string(),
  type: z.literal('function'),
  function: z.object({ name: z.string(), arguments: z.string().describe('The JSON of an object.') }),
});
const head = { id: z.string(), created: index, model: z.string(), system_fingerprint: z.string() };

export const chatAnswerSchema = z.object({
  ...head,
  object: z.literal('chat.completion'),
  choices: z.array(
    z.object({
      index,
      message: z.object({
        role: z.literal('assistant'),
        content: z.string().nullable(),
        refusal: z.null(),
        tool_calls: z.array(toolCallSchema).optional(),
      }),
      logprobs: chatLogprobsSchema.nullable(),
      finish_reason: finishReason,
    }),
  ),
  usage: usageSchema,
  ...someGroundingFields,
});

export const chatChunkSchema = z.object({
  ...head,
  object: z.literal('chat.completion.chunk'),
  choices: z.array(
    z.object({
      index,
      delta: z.object({
        role: z.literal('assistant').optional(),
        content: z.string().optional(),
        tool_calls: z.array(toolCallSchema.extend({ index })).optional(),
      }),
      logprobs: chatLogprobsSchema.nullable(),
      finish_reason: finishReason.nullable(),
    }),
  ),
  usage: chunkUsageSchema,
  ...someGroundingFields,
});

type ChatChunk = z.input<typeof chatChunkSchema>;
type ChatDelta = ChatChunk['choices'][number]['delta'];

function headOf({ id, createdAt, model, fingerprint }: OpenAiContext) {
  return {
    id: `chatcmpl-${id}`,
    created: toUnixSeconds(createdAt),
    model,
    system_fingerprint: fingerprint(),
  };
}

function toToolCall({ id, name, arguments: given }: ToolCall): z.input<typeof toolCallSchema> {
  return { id, type: 'function', function: { name, arguments: given } };
}

function toChoice(result: Result, at: number): z.input<typeof chatAnswerSchema>['choices'][number] {
  const { text, toolCalls, logprobs, reason } = result;
  const hasCalls = toolCalls.length > 0;
  return {
    index: at,
    message: {
      role: 'assistant',
      content: hasCalls && text === '' ? null : text,
      refusal: null,
      ...(hasCalls ? { tool_calls: toolCalls.map(toToolCall) } : {}),
    },
    logprobs: logprobs && toChatLogprobs(logprobs),
    finish_reason: hasCalls && reason === 'stop' ? 'tool_calls' : toFinishReason(reason),
  };
}

export function chatAnswer(
  { choices, usage }: ChoicesResult,
  context: OpenAiContext,
): z.input<typeof chatAnswerSchema> {
  const { id, created, model, system_fingerprint } = headOf(context);
  return {
    id,
    object: 'chat.completion',
    created,
    model,
    choices: choices.map(toChoice),
    usage: toOpenAiUsage(usage),
    system_fingerprint,
    ...toSomeWireGrounding(choices[0]?.grounding ?? null),
  };
}

/** @param includesUsage adds a chunk with usage before the end, and `usage: null` to all others */
export function createChatEncoder(
  context: OpenAiContext,
  includesUsage: boolean,
): StreamEncoder<ChoiceEvent> {
  /** Of each choice that has begun: whether it called a tool. */
  const begun: boolean[] = [];
  /** Taken at the first chunk: no chunk of one answer may differ in it. */
  let head: ReturnType<typeof headOf> | null = null;

  /** Told with the first chunk; every choice has the same. */
  let report: GroundingReport | null = null;

  const chunk = (choices: ChatChunk['choices'], usage: ChatChunk['usage'] = null): string => {
    const grounding = head === null ? toSomeWireGrounding(report) : {};
    head ??= headOf(context);
    const { system_fingerprint, ...known } = head;
    return sseData({
      ...known,
      object: 'chat.completion.chunk',
      system_fingerprint,
      choices,
      ...(includesUsage ? { usage } : {}),
      ...grounding,
    } satisfies ChatChunk);
  };
  const delta = (at: number, told: ChatDelta, logprobs?: readonly TokenLogprob[]): string =>
    chunk([
      { index: at, delta: told, logprobs: logprobs ? toChatLogprobs(logprobs) : null, finish_reason: null },
    ]);

  /** Of each choice, what stands before and behind the text of a token: the rest of its chunks never changes. */
  const frames: [before: string, behind: string][] = [];
  const tokenChunk = (at: number, text: string): string => {
    let frame = frames[at];
    if (frame === undefined) {
      const [before = '', behind = ''] = delta(at, { content: '\0' }).split(oneLineJson('\0'));
      frame = [before, behind];
      frames[at] = frame;
    }
    return frame[0] + oneLineJson(text) + frame[1];
  };

  const begin = (at: number): string => {
    if (begun[at] !== undefined) return '';
    begun[at] = false;
    return delta(at, { role: 'assistant', content: '' });
  };
  const encode = (at: number, event: GenerationEvent): string => {
    switch (event.type) {
      case 'queued':
        return '';
      case 'grounded':
        report = event.report;
        return '';
      case 'started':
        return begin(at);
      case 'token': {
        const { text, logprobs } = event;
        if (logprobs !== undefined) return begin(at) + delta(at, { content: text }, logprobs);
        return text === '' ? '' : begin(at) + tokenChunk(at, text);
      }
      case 'tool_call': {
        const start = begin(at);
        begun[at] = true;
        return start + delta(at, { tool_calls: [{ index: event.index, ...toToolCall(event.call) }] });
      }
      case 'done': {
        const start = begin(at);
        const reason = begun[at] && event.reason === 'stop' ? 'tool_calls' : toFinishReason(event.reason);
        return start + chunk([{ index: at, delta: {}, logprobs: null, finish_reason: reason }]);
      }
    }
  };
  return createChunkStreamEncoder({
    choice: encode,
    usage: usage => (includesUsage ? chunk([], toOpenAiUsage(usage)) : ''),
  });
}
