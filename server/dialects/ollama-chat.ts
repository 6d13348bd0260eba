// POST /api/chat of Ollama: its body, its records and its whole answer. Arguments of tool calls are objects here.
// https://github.com/ollama/ollama, docs/api.md#generate-a-chat-completion
import { z } from 'zod';
import type { GenerateRequest, JsonObject, Message, Result, ToolCall } from '../domain/generation.js';
import type { StreamEncoder } from './dialect.js';
import { toGrounding, toSomeWireGrounding, toWireGrounding } from './grounding-fields.js';
import { checkLogprobs, ollamaFields, toSampling } from './ollama-fields.js';
import {
  createRecordEncoder,
  endFields,
  type Fields,
  type OllamaContext,
  recordFields,
  toAnswer,
  toEnd,
  toWireLogprobs,
} from './ollama-record.js';
import { refusedField } from './refused-field.js';

const MAX_MESSAGES = 4_096;
const MAX_TOOLS = 128;
const MAX_CALLS = 128;
const MAX_NAME_CHARACTERS = 256;

const jsonObject = z.record(z.string(), z.unknown());
const name = z.string().min(1).max(MAX_NAME_CHARACTERS);

const callSchema = z.object({
  id: name.nullish().describe('Given to the model where its template shows one.'),
  function: z.object({
    name,
    arguments: jsonObject
      .nullish()
      .transform(args => args ?? {})
      .describe('An object, not its text.'),
  }),
});

const messageSchema = z.object({
  role: z.enum(['system', 'user', 'assistant', 'tool']),
  content: z
    .string()
    .nullish()
    .transform(content => content ?? ''),
  images: refusedField('the model reads text only', [null, []]),
  thinking: refusedField('the model does not think aloud', [null, '']),
  tool_calls: z
    .array(callSchema)
    .max(MAX_CALLS)
    .nullish()
    .describe("Of an assistant's turn: what it called."),
  tool_name: name.nullish().describe('Of a tool: its name.'),
  tool_call_id: name.nullish().describe('Of a tool: the call that it answers.'),
});

const toolSchema = z.object({
  type: z.literal('function').nullish(),
  function: z.object({
    name,
    description: z.string().nullish(),
    parameters: jsonObject.nullish().describe('A JSON schema.'),
  }),
});

export const ollamaChatBodySchema = z
  .object({
    ...ollamaFields,
    messages: z
      .array(messageSchema)
      .max(MAX_MESSAGES)
      .nullish()
      .transform(messages => messages ?? [])
      .describe('The chat so far; empty, the model is only loaded (or with keep_alive 0 unloaded).'),
    tools: z
      .array(toolSchema)
      .max(MAX_TOOLS)
      .nullish()
      .transform(tools => tools ?? [])
      .describe('What the model may call, where its template knows tools.'),
    _debug_render_only: refusedField('prompts are answered, not shown', [null, false]),
  })
  .check(checkLogprobs);

export type OllamaChatBody = z.output<typeof ollamaChatBodySchema>;

const answerMessage = z.object({
  role: z.literal('assistant'),
  content: z.string(),
  tool_calls: z
    .array(
      z.object({
        id: z.string(),
        function: z.object({ index: z.int().min(0), name: z.string(), arguments: jsonObject }),
      }),
    )
    .optional(),
});

export const ollamaChatChunkSchema = z.union([
  z.object({ ...recordFields, message: answerMessage, done: z.literal(false) }),
  z.object({ ...recordFields, ...endFields, message: answerMessage }),
]);

export const ollamaChatAnswerSchema = z.object({ ...recordFields, ...endFields, message: answerMessage });

/** `seed` is the one to use when the body has none. */
export function fromOllamaChat(body: OllamaChatBody, seed: number): Omit<GenerateRequest, 'id'> {
  const tools = body.tools.map(({ function: { name: toolName, description, parameters } }) => ({
    name: toolName,
    ...(description ? { description } : {}),
    parameters: parameters ?? { type: 'object', properties: {} },
  }));
  return {
    input: { messages: body.messages.map(toMessage), ...(tools.length === 0 ? {} : { tools }) },
    sampling: toSampling(body, seed),
    ...toGrounding(body.documents, body.options.num_ctx ?? null),
  };
}

/** Calls without an id get one of their place, so that a template that shows ids shows the same each time. */
function toMessage(message: z.output<typeof messageSchema>): Message {
  const { role, content, tool_calls: calls, tool_name: toolName, tool_call_id: callId } = message;
  const toolCalls = (calls ?? []).map(
    ({ id, function: called }, index): ToolCall => ({
      id: id ?? `call_${index}`,
      name: called.name,
      arguments: JSON.stringify(called.arguments),
    }),
  );
  return {
    role,
    content,
    ...(toolCalls.length === 0 ? {} : { toolCalls }),
    ...(callId ? { toolCallId: callId } : {}),
    ...(toolName ? { name: toolName } : {}),
  };
}

export function createOllamaChatEncoder(context: OllamaContext): StreamEncoder {
  return createRecordEncoder(context, { message: said(''), done: false }, event => {
    switch (event.type) {
      case 'token':
        if (event.text === '' && event.logprobs === undefined) return null;
        return { message: said(event.text), done: false, ...toWireLogprobs(event.logprobs) };
      case 'tool_call':
        return { message: said('', [toWireCall(event.call, event.index)]), done: false };
      case 'done':
        return { message: said(''), ...toEnd(event) };
      case 'grounded':
        return { message: said(''), done: false, ...toWireGrounding(event.report) };
      case 'queued':
      case 'started':
        return null;
    }
  });
}

export function toOllamaChatAnswer(context: OllamaContext, result: Result): Fields {
  return toAnswer(context, {
    message: said(result.text, result.toolCalls.map(toWireCall)),
    ...toEnd(result),
    ...toWireLogprobs(result.logprobs),
    ...toSomeWireGrounding(result.grounding),
  });
}

/** Answers to a chat without messages: the model was loaded, or is being unloaded. */
export function toOllamaChatNotice(context: OllamaContext, reason: 'load' | 'unload'): Fields {
  return toAnswer(context, { message: said(''), done: true, done_reason: reason });
}

function said(content: string, calls: readonly Fields[] = []): Fields {
  return { role: 'assistant', content, ...(calls.length === 0 ? {} : { tool_calls: calls }) };
}

function toWireCall({ id, name: called, arguments: text }: ToolCall, index: number): Fields {
  return { id, function: { index, name: called, arguments: JSON.parse(text) as JsonObject } };
}
