// The input of an exchange as the log spells it, and back. Knows nothing of the rest of the line.
import { z } from 'zod';
import type { GenerationInput, Message, ToolDefinition } from '../domain/generation.js';

const ids = z.array(z.int().min(0));

const lineMessageSchema = z.object({
  role: z.enum(['system', 'user', 'assistant', 'tool']),
  content: z.string(),
  tool_calls: z.array(z.object({ id: z.string(), name: z.string(), arguments: z.string() })).optional(),
  tool_call_id: z.string().optional(),
  name: z.string().optional(),
});

const lineToolSchema = z.object({
  name: z.string(),
  description: z.string().optional(),
  parameters: z.record(z.string(), z.unknown()),
});

export const lineInputSchema = z.union([
  z.object({
    messages: z.array(lineMessageSchema),
    tools: z.array(lineToolSchema).optional(),
    continue_final: z.boolean().optional(),
    context_ids: ids.optional(),
  }),
  z.object({ prompt: z.string(), context_ids: ids.optional() }),
  z.object({ token_ids: ids }),
]);

type LineInput = z.infer<typeof lineInputSchema>;
type LineMessage = z.infer<typeof lineMessageSchema>;
type LineTool = z.infer<typeof lineToolSchema>;
type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Without what is undefined. */
function given<T extends object>(fields: T): Given<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Given<T>;
}

function toLineMessage({ role, content, toolCalls, toolCallId, name }: Message): LineMessage {
  const tool_calls = toolCalls?.map(call => ({ ...call }));
  return { role, content, ...given({ tool_calls, tool_call_id: toolCallId, name }) };
}

function fromLineMessage({ role, content, tool_calls, tool_call_id, name }: LineMessage): Message {
  return { role, content, ...given({ toolCalls: tool_calls, toolCallId: tool_call_id, name }) };
}

function fromLineTool({ name, description, parameters }: LineTool): ToolDefinition {
  return { name, parameters, ...given({ description }) };
}

export function toLineInput(input: GenerationInput): LineInput {
  if (input.tokenIds) return { token_ids: [...input.tokenIds] };
  const context_ids = input.contextIds && [...input.contextIds];
  if (input.messages === undefined) return { prompt: input.prompt, ...given({ context_ids }) };
  const tools = input.tools?.map(tool => ({ ...tool }));
  return {
    messages: input.messages.map(toLineMessage),
    ...given({ tools, continue_final: input.continueFinal, context_ids }),
  };
}

export function fromLineInput(line: LineInput): GenerationInput {
  if ('token_ids' in line) return { tokenIds: line.token_ids };
  const { context_ids: contextIds } = line;
  if ('prompt' in line) return { prompt: line.prompt, ...given({ contextIds }) };
  return {
    messages: line.messages.map(fromLineMessage),
    ...given({ tools: line.tools?.map(fromLineTool), continueFinal: line.continue_final, contextIds }),
  };
}
