// The items that a response is asked with, as the domain's messages, and as GET …/input_items tells them again.
// https://platform.openai.com/docs/api-reference/responses
import { z } from 'zod';
import type { Message, ToolCall } from '../domain/generation.js';
import { AppError } from '../errors.js';

const MAX_ITEMS = 1_000;
const MAX_PARTS = 100;
const MAX_ID_CHARACTERS = 128;
/** Between the parts of one message: each is a text of its own. */
const PART_SEPARATOR = '\n';

const id = z.string().min(1).max(MAX_ID_CHARACTERS);
const status = z.enum(['in_progress', 'completed', 'incomplete']).nullish();

const partSchema = z.discriminatedUnion(
  'type',
  [
    z.object({ type: z.literal('input_text'), text: z.string() }),
    z.object({ type: z.literal('output_text'), text: z.string() }),
    z.object({ type: z.literal('refusal'), refusal: z.string() }),
  ],
  { error: 'only text is read: input_text, output_text or refusal' },
);

const messageItemSchema = z.object({
  type: z.literal('message').optional(),
  id: id.nullish(),
  role: z.enum(['user', 'assistant', 'system', 'developer']),
  content: z.union([z.string(), z.array(partSchema).max(MAX_PARTS)]),
  status,
});

const functionCallSchema = z.object({
  type: z.literal('function_call'),
  id: id.nullish(),
  call_id: id,
  name: z.string().min(1).max(MAX_ID_CHARACTERS),
  arguments: z.string().describe('JSON text of an object.'),
  status,
});

const functionCallOutputSchema = z.object({
  type: z.literal('function_call_output'),
  id: id.nullish(),
  call_id: id.describe('Of an earlier function_call.'),
  output: z.union([z.string(), z.array(partSchema).max(MAX_PARTS)]),
  status,
});

const itemSchema = z.discriminatedUnion(
  'type',
  [messageItemSchema, functionCallSchema, functionCallOutputSchema],
  { error: 'only message, function_call and function_call_output items are read' },
);

export const inputSchema = z.union([z.string().min(1), z.array(itemSchema).min(1).max(MAX_ITEMS)]);

type Item = z.output<typeof itemSchema>;
type Input = z.output<typeof inputSchema>;
type Content = string | readonly z.output<typeof partSchema>[];

function joinText(content: Content): string {
  if (typeof content === 'string') return content;
  return content.map(part => (part.type === 'refusal' ? part.refusal : part.text)).join(PART_SEPARATOR);
}

function toItems(input: Input): readonly Item[] {
  return typeof input === 'string' ? [{ type: 'message', role: 'user', content: input }] : input;
}

/**
 * What the input adds to the conversation.
 * @param former what was said before it: a function_call_output may answer a call in there
 * @throws AppError invalid_request for a call whose arguments are no JSON object, and for an output without its call
 */
export function toMessages(input: Input, former: readonly Message[]): Message[] {
  const names = new Map(
    former.flatMap(({ toolCalls = [] }) => toolCalls.map(call => [call.id, call.name] as const)),
  );
  const messages: Message[] = [];
  for (const [index, item] of toItems(input).entries()) {
    const path = `input.${index}`;
    if (item.type === 'function_call') {
      names.set(item.call_id, item.name);
      addCall(messages, toCall(item, path));
    } else if (item.type === 'function_call_output') {
      const name = names.get(item.call_id);
      if (name === undefined)
        throw refusal(`${path}.call_id`, 'is not the call_id of an earlier function_call');
      messages.push({ role: 'tool', content: joinText(item.output), toolCallId: item.call_id, name });
    } else {
      const role = item.role === 'developer' ? 'system' : item.role;
      messages.push({ role, content: joinText(item.content) });
    }
  }
  return messages;
}

function toCall(item: z.output<typeof functionCallSchema>, path: string): ToolCall {
  let value: unknown;
  try {
    value = JSON.parse(item.arguments);
  } catch {
    value = null;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw refusal(`${path}.arguments`, 'is not the JSON text of an object');
  }
  return { id: item.call_id, name: item.name, arguments: item.arguments };
}

function refusal(param: string, why: string): AppError {
  return new AppError('invalid_request', `"${param}" ${why}.`, { param });
}

/** Calls belong to the turn of the assistant that they follow. */
function addCall(messages: Message[], call: ToolCall): void {
  const last = messages.at(-1);
  if (last?.role !== 'assistant') {
    messages.push({ role: 'assistant', content: '', toolCalls: [call] });
    return;
  }
  messages[messages.length - 1] = { ...last, toolCalls: [...(last.toolCalls ?? []), call] };
}

const keptPart = z.object({ type: z.enum(['input_text', 'output_text']), text: z.string() });
export const inputItemSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('message'),
    id: z.string(),
    role: z.enum(['user', 'assistant', 'system', 'developer']),
    content: z.array(keptPart),
    status: z.literal('completed'),
  }),
  functionCallSchema.extend({ id: z.string(), status: z.literal('completed') }),
  functionCallOutputSchema.extend({ id: z.string(), output: z.string(), status: z.literal('completed') }),
]);

export type InputItem = z.output<typeof inputItemSchema>;

/** Items without an id get one. @param exchangeId what those are made of */
export function toInputItems(input: Input, exchangeId: string): InputItem[] {
  return toItems(input).map((item, index): InputItem => {
    const status = 'completed';
    if (item.type === 'function_call')
      return { ...item, id: item.id ?? `fc_${exchangeId}_in${index}`, status };
    if (item.type === 'function_call_output') {
      return {
        ...item,
        id: item.id ?? `fco_${exchangeId}_in${index}`,
        output: joinText(item.output),
        status,
      };
    }
    const type = item.role === 'assistant' ? 'output_text' : 'input_text';
    return {
      type: 'message',
      id: item.id ?? `msg_${exchangeId}_in${index}`,
      role: item.role,
      content: [{ type, text: joinText(item.content) }],
      status,
    };
  });
}
