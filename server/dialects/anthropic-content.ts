// Anthropic's messages and their blocks of content, as the domain's messages. Knows no parameter and no answer.
// https://docs.claude.com/en/api/messages
import { z } from 'zod';
import type { Message, ToolCall } from '../domain/generation.js';
import { AppError } from '../errors.js';
import { refusedField } from './refused-field.js';

const MAX_BLOCKS = 100;
const MAX_NAME_CHARACTERS = 128;
/** Between the blocks of one message: each is a text of its own. */
const BLOCK_SEPARATOR = '\n';

const cacheControl = z
  .unknown()
  .optional()
  .describe('Accepted; prefixes are reused by themselves, and the answer is the same.');

const textBlockSchema = z.object({
  type: z.literal('text'),
  text: z.string(),
  cache_control: cacheControl,
  citations: refusedField('answers have no citations.', [null, []]),
});

const toolUseBlockSchema = z.object({
  type: z.literal('tool_use'),
  id: z.string().min(1).max(MAX_NAME_CHARACTERS),
  name: z.string().min(1).max(MAX_NAME_CHARACTERS),
  input: z.record(z.string(), z.unknown()),
  cache_control: cacheControl,
});

const textOnly = (error: string) =>
  z.array(z.discriminatedUnion('type', [textBlockSchema], { error })).max(MAX_BLOCKS);

const toolResultBlockSchema = z.object({
  type: z.literal('tool_result'),
  tool_use_id: z.string().describe('Of a tool_use in an earlier message.'),
  content: z.union([z.string(), textOnly('only text blocks are read in a tool_result')]).default(''),
  is_error: z.boolean().optional().describe('True puts "Error: " before the content.'),
  cache_control: cacheControl,
});

/** A string, or blocks of text: what `system` may be, too. */
export const textContentSchema = z.union([z.string(), textOnly('only text blocks are read here')]);

const userMessageSchema = z.object({
  role: z.literal('user'),
  content: z.union([
    z.string().min(1),
    z
      .array(
        z.discriminatedUnion('type', [textBlockSchema, toolResultBlockSchema], {
          error: 'only text and tool_result blocks are read in a user message',
        }),
      )
      .min(1)
      .max(MAX_BLOCKS),
  ]),
});

const assistantMessageSchema = z.object({
  role: z.literal('assistant'),
  content: z.union([
    z.string(),
    z
      .array(
        z.discriminatedUnion('type', [textBlockSchema, toolUseBlockSchema], {
          error: 'only text and tool_use blocks are read in an assistant message',
        }),
      )
      .max(MAX_BLOCKS),
  ]),
});

const systemMessageSchema = z.object({ role: z.literal('system'), content: textContentSchema });

export const messageSchema = z.discriminatedUnion(
  'role',
  [userMessageSchema, assistantMessageSchema, systemMessageSchema],
  { error: 'must be user, assistant or system' },
);

type WireMessage = z.output<typeof messageSchema>;
type TextContent = z.output<typeof textContentSchema>;
type WireBlock = Exclude<WireMessage['content'], string>[number];

export function joinText(content: TextContent): string {
  return typeof content === 'string' ? content : content.map(({ text }) => text).join(BLOCK_SEPARATOR);
}

/**
 * Turns of the same role that follow each other become one, as Anthropic has it.
 * @throws AppError invalid_request for a tool_result that answers no tool_use.
 */
export function toMessages(wire: readonly WireMessage[]): Message[] {
  const names = new Map<string, string>();
  const messages = wire.flatMap(({ role, content }, index) => {
    const blocks: readonly WireBlock[] =
      typeof content === 'string' ? [{ type: 'text', text: content }] : content;
    if (role === 'assistant') return toAssistantMessage(blocks, names);
    return toToolAndTextMessages(role, blocks, names, `messages.${index}.content`);
  });
  return messages.reduce(appendTurn, []);
}

function toAssistantMessage(blocks: readonly WireBlock[], names: Map<string, string>): Message[] {
  const toolCalls: ToolCall[] = [];
  for (const block of blocks) {
    if (block.type !== 'tool_use') continue;
    names.set(block.id, block.name);
    toolCalls.push({ id: block.id, name: block.name, arguments: JSON.stringify(block.input) });
  }
  const content = joinText(blocks.filter(block => block.type === 'text'));
  if (content === '' && toolCalls.length === 0) return [];
  return [{ role: 'assistant', content, ...(toolCalls.length === 0 ? {} : { toolCalls }) }];
}

function toToolAndTextMessages(
  role: 'user' | 'system',
  blocks: readonly WireBlock[],
  names: ReadonlyMap<string, string>,
  path: string,
): Message[] {
  return blocks.flatMap((block, index): Message[] => {
    if (block.type === 'text') return block.text === '' ? [] : [{ role, content: block.text }];
    if (block.type !== 'tool_result') return [];
    const name = names.get(block.tool_use_id);
    if (name === undefined) {
      const param = `${path}.${index}.tool_use_id`;
      throw new AppError('invalid_request', `"${param}" names no tool_use of an earlier message.`, { param });
    }
    const content = `${block.is_error === true ? 'Error: ' : ''}${joinText(block.content)}`;
    return [{ role: 'tool', content, toolCallId: block.tool_use_id, name }];
  });
}

function appendTurn(turns: readonly Message[], next: Message): Message[] {
  const last = turns.at(-1);
  if (last === undefined || last.role !== next.role || next.role === 'tool') return [...turns, next];
  const content = [last.content, next.content].filter(Boolean).join(BLOCK_SEPARATOR);
  const toolCalls = [...(last.toolCalls ?? []), ...(next.toolCalls ?? [])];
  return [
    ...turns.slice(0, -1),
    { role: last.role, content, ...(toolCalls.length === 0 ? {} : { toolCalls }) },
  ];
}
