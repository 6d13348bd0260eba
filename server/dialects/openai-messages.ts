// OpenAI's messages: roles, texts and parts of texts, calls of tools and their results.
import { z } from 'zod';
import type { Message } from '../domain/generation.js';

const MAX_MESSAGES = 1_000;
const MAX_PARTS = 256;
const MAX_NAME_CHARACTERS = 256;
export const MAX_TOOLS = 128;

/** Tells an image, a sound or a file by name, instead of a text that is missing. */
function textPart(...types: readonly [string, ...string[]]) {
  const told = types.map(type => `"${type}"`).join(' and ');
  return z
    .object({
      type: z.string().refine(type => types.includes(type), {
        error: `is not supported: the model reads text, parts of type ${told}.`,
        params: { unsupported: true },
      }),
      text: z.string().optional(),
      refusal: z.string().optional(),
    })
    .refine(({ type, text, refusal }) => (type === 'refusal' ? refusal : text) !== undefined, {
      error: 'Missing text',
      path: ['text'],
    });
}

function contentOf(...types: readonly [string, ...string[]]) {
  return z.union([z.string(), z.array(textPart(...types)).max(MAX_PARTS)]);
}

const content = contentOf('text').describe('Text, or parts of text, which are joined.');
const name = z
  .string()
  .min(1)
  .max(MAX_NAME_CHARACTERS)
  .nullish()
  .describe('Who speaks, where the chat template knows such a thing.');

const callSchema = z.object({
  id: z.string().min(1).max(MAX_NAME_CHARACTERS),
  type: z.literal('function'),
  function: z.object({
    name: z.string().min(1).max(MAX_NAME_CHARACTERS),
    arguments: z.string().refine(text => text === '' || isObjectText(text), {
      error: 'must be the JSON of an object',
    }),
  }),
});

function isObjectText(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

const messageSchema = z.discriminatedUnion('role', [
  z.object({ role: z.literal('system'), content, name }),
  z.object({ role: z.literal('developer').describe('The same as system.'), content, name }),
  z.object({ role: z.literal('user'), content, name }),
  z
    .object({
      role: z.literal('assistant'),
      content: contentOf('text', 'refusal').nullish(),
      refusal: z.string().nullish().describe('What it said instead of content.'),
      tool_calls: z.array(callSchema).max(MAX_TOOLS).nullish(),
      name,
    })
    .refine(({ content, refusal, tool_calls }) => (content ?? refusal ?? tool_calls ?? null) !== null, {
      error: 'Missing content',
      path: ['content'],
    }),
  z.object({
    role: z.literal('tool'),
    content,
    tool_call_id: z.string().min(1).max(MAX_NAME_CHARACTERS).describe('The call that it answers.'),
  }),
]);

export const messagesSchema = z.array(messageSchema).min(1).max(MAX_MESSAGES);

type OpenAiMessage = z.output<typeof messageSchema>;
type Content = OpenAiMessage['content'];

function textOf(given: Content): string {
  if (typeof given === 'string') return given;
  return (given ?? []).map(({ text, refusal }) => text ?? refusal ?? '').join('');
}

/** A tool's message gets the name of the tool whose call it answers: templates ask for it, this format does not. */
export function toMessages(messages: readonly OpenAiMessage[]): Message[] {
  const names = new Map<string, string>();
  return messages.map(message => {
    if (message.role === 'tool') {
      const { content: given, tool_call_id: toolCallId } = message;
      const toolName = names.get(toolCallId);
      const named = toolName === undefined ? {} : { name: toolName };
      return { role: 'tool', content: textOf(given), toolCallId, ...named };
    }
    const speaker = message.name == null ? {} : { name: message.name };
    if (message.role !== 'assistant') {
      const role = message.role === 'developer' ? 'system' : message.role;
      return { role, content: textOf(message.content), ...speaker };
    }
    const toolCalls = (message.tool_calls ?? []).map(({ id, function: called }) => ({
      id,
      name: called.name,
      arguments: called.arguments === '' ? '{}' : called.arguments,
    }));
    for (const call of toolCalls) names.set(call.id, call.name);
    return {
      role: 'assistant',
      content: textOf(message.content ?? message.refusal),
      ...(toolCalls.length === 0 ? {} : { toolCalls }),
      ...speaker,
    };
  });
}
