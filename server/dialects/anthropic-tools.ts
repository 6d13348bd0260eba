// Anthropic's tool definitions and choice of tools, as the domain's. Knows no message.
import { z } from 'zod';
import type { ToolDefinition } from '../domain/generation.js';
import { refusedField } from './refused-field.js';

const MAX_TOOLS = 128;

const toolSchema = z.object({
  type: z
    .literal('custom', { error: 'only tools of the client’s own ("custom") can be called' })
    .nullable()
    .optional(),
  name: z.string().regex(/^[\w-]{1,128}$/, '1 to 128 letters, digits, _ or -'),
  description: z.string().optional(),
  input_schema: z.record(z.string(), z.unknown()).describe('JSON schema of the input.'),
  cache_control: z.unknown().optional().describe('Accepted; the answer is the same.'),
  eager_input_streaming: z.unknown().optional().describe('Accepted; an input comes whole either way.'),
  strict: refusedField('inputs are not held to their schema.', [null, false]),
  defer_loading: refusedField('every tool is shown to the model.', [null, false]),
  allowed_callers: refusedField('tools are called by the model alone.', [null, ['direct']]),
  input_examples: refusedField('chat templates have no place for examples.', [null, []]),
});

export const toolsSchema = z.array(toolSchema).max(MAX_TOOLS);

export const toolChoiceSchema = z.discriminatedUnion(
  'type',
  [
    z.object({
      type: z.literal('auto'),
      disable_parallel_tool_use: z.boolean().optional().describe('Only the first call is told.'),
    }),
    z.object({ type: z.literal('none') }),
  ],
  { error: 'must be auto or none: the model cannot be made to call a tool' },
);

/** Undefined when the model is to call none. */
export function toTools(
  tools: z.output<typeof toolsSchema> | undefined,
  choice: z.output<typeof toolChoiceSchema> | undefined,
): ToolDefinition[] | undefined {
  if (tools === undefined || tools.length === 0 || choice?.type === 'none') return undefined;
  return tools.map(({ name, description, input_schema: parameters }) => ({
    name,
    ...(description === undefined ? {} : { description }),
    parameters,
  }));
}

export function isParallel(choice: z.output<typeof toolChoiceSchema> | undefined): boolean {
  return !(choice?.type === 'auto' && choice.disable_parallel_tool_use === true);
}
