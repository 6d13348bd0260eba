// Anthropic's tool definitions and choice of tools, and what they come to. Knows no message.
import { z } from 'zod';
import { AppError } from '../errors.js';
import { type ToolChoice as OpenAiToolChoice, planTools, type ToolPlan } from './openai-tools.js';
import { refusedField } from './refused-field.js';

const MAX_TOOLS = 128;
const toolName = z.string().regex(/^[\w-]{1,128}$/, '1 to 128 letters, digits, _ or -');

const toolSchema = z.object({
  type: z
    .literal('custom', { error: 'only tools of the client’s own ("custom") can be called' })
    .nullable()
    .optional(),
  name: toolName,
  description: z.string().optional(),
  input_schema: z.record(z.string(), z.unknown()).describe('JSON schema of the input.'),
  cache_control: z.unknown().optional().describe('Accepted; the answer is the same.'),
  eager_input_streaming: z.unknown().optional().describe('Accepted; an input comes whole either way.'),
  strict: refusedField('inputs are held to their schema with tool_choice any or tool only.', [null, false]),
  defer_loading: refusedField('every tool is shown to the model.', [null, false]),
  allowed_callers: refusedField('tools are called by the model alone.', [null, ['direct']]),
  input_examples: refusedField('chat templates have no place for examples.', [null, []]),
});

export const toolsSchema = z.array(toolSchema).max(MAX_TOOLS);

const disableParallel = z.boolean().optional().describe('True: the first call of an answer is its only one.');

export const toolChoiceSchema = z.discriminatedUnion(
  'type',
  [
    z.object({ type: z.literal('auto'), disable_parallel_tool_use: disableParallel }),
    z.object({ type: z.literal('any'), disable_parallel_tool_use: disableParallel }),
    z.object({ type: z.literal('tool'), name: toolName, disable_parallel_tool_use: disableParallel }),
    z.object({ type: z.literal('none') }),
  ],
  { error: 'must be auto, any, tool or none' },
);

type ToolChoice = z.output<typeof toolChoiceSchema>;

/**
 * With any, or a tool by name, the answer is held to be one call.
 * @throws AppError invalid_request for a choice of what is not in the tools
 */
export function toToolPlan(
  tools: z.output<typeof toolsSchema> = [],
  choice: ToolChoice = { type: 'auto' },
): ToolPlan {
  const isMissing =
    (choice.type === 'any' && tools.length === 0) ||
    (choice.type === 'tool' && !tools.some(({ name }) => name === choice.name));
  if (isMissing) {
    throw new AppError('invalid_request', '"tool_choice" asks for a tool that is not in "tools".', {
      param: 'tool_choice',
    });
  }
  return planTools(
    tools.map(({ name, description, input_schema: parameters }) => ({
      type: 'function',
      function: { name, description, parameters },
    })),
    toOpenAiChoice(choice),
  );
}

function toOpenAiChoice(choice: ToolChoice): OpenAiToolChoice {
  if (choice.type === 'tool') return { type: 'function', function: { name: choice.name } };
  return choice.type === 'any' ? 'required' : choice.type;
}

export function isParallel(choice: ToolChoice | undefined): boolean {
  return choice === undefined || choice.type === 'none' || choice.disable_parallel_tool_use !== true;
}
