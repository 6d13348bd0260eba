// OpenAI's tools and response_format, and what they come to: definitions for the chat template, and constraints.
import { z } from 'zod';
import type { ChatInput, Constraint, JsonObject, ToolDefinition } from '../domain/generation.js';
import { MAX_TOOLS } from './openai-messages.js';

export const toolNameSchema = z.string().regex(/^[\w-]{1,64}$/, 'up to 64 letters, digits, _ and -');
export const jsonSchema = z.record(z.string(), z.unknown());

/** What a function is defined by. */
export const functionFields = {
  name: toolNameSchema,
  description: z.string().nullish(),
  parameters: jsonSchema.nullish().describe('A JSON schema; absent, there are none.'),
  strict: z
    .boolean()
    .nullish()
    .describe('Arguments are held to the schema where tool_choice makes the model call.'),
};

export const toolsSchema = z
  .array(z.object({ type: z.literal('function'), function: z.object(functionFields) }))
  .max(MAX_TOOLS);

/** @param form how `named`, a tool by its name, is told to who got it wrong */
export function toolChoiceOf<Named extends z.ZodType>(named: Named, form: string) {
  return z.union([z.enum(['none', 'auto', 'required']), named], {
    error: `none, auto, required, or ${form}`,
  });
}

export const toolChoiceSchema = toolChoiceOf(
  z.object({ type: z.literal('function'), function: z.object({ name: toolNameSchema }) }),
  '{"type": "function", "function": {"name": …}}',
);

/** What a JSON schema for the answer comes with. */
export const answerSchemaFields = {
  name: toolNameSchema,
  description: z.string().nullish(),
  schema: jsonSchema.nullish(),
  strict: z.boolean().nullish().describe('The answer is held to the schema either way.'),
};

export const responseFormatSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text') }),
  z.object({ type: z.literal('json_object') }),
  z.object({ type: z.literal('json_schema'), json_schema: z.object(answerSchemaFields) }),
]);

export type Tools = z.output<typeof toolsSchema>;
export type ToolChoice = z.output<typeof toolChoiceSchema>;
export type ResponseFormat = z.output<typeof responseFormatSchema>;

/** How the answer is to be read: text alone, calls in the model's own form, or one bare call by constraint. */
export type CallReading = 'none' | 'model' | 'bare';

export interface ToolPlan {
  readonly tools: readonly ToolDefinition[];
  readonly toolChoice?: ChatInput['toolChoice'];
  readonly constraint: Constraint | null;
  readonly reading: CallReading;
}

/** What of it belongs to the input. */
export function toolsOf({ tools, toolChoice }: ToolPlan): Pick<ChatInput, 'tools' | 'toolChoice'> {
  if (tools.length === 0) return {};
  return { tools, ...(toolChoice === undefined ? {} : { toolChoice }) };
}

export function toConstraint(format: ResponseFormat | null | undefined): Constraint | null {
  if (format == null || format.type === 'text') return null;
  const schema = format.type === 'json_schema' ? format.json_schema.schema : null;
  return schema == null ? { type: 'json_object' } : { type: 'json_schema', schema };
}

/** With `required`, or one tool named, the answer is constrained to be one call. */
export function planTools(tools: Tools, choice: ToolChoice): ToolPlan {
  if (tools.length === 0 || choice === 'none') return { tools: [], constraint: null, reading: 'none' };
  const definitions = tools.map(({ function: { name, description, parameters } }) => ({
    name,
    ...(description == null ? {} : { description }),
    parameters: parameters ?? { type: 'object', properties: {} },
  }));
  if (choice === 'auto') return { tools: definitions, constraint: null, reading: 'model' };
  const callable =
    choice === 'required' ? definitions : definitions.filter(tool => tool.name === choice.function.name);
  return {
    tools: definitions,
    toolChoice: choice === 'required' ? choice : { name: choice.function.name },
    constraint: { type: 'json_schema', schema: toCallSchema(callable) },
    reading: 'bare',
  };
}

function toCallSchema(tools: readonly ToolDefinition[]): JsonObject {
  const schemas = tools.map(({ name, parameters }, index) => ({
    type: 'object',
    properties: {
      name: { const: name },
      arguments: rebase(parameters, `#${tools.length > 1 ? `/anyOf/${index}` : ''}/properties/arguments`),
    },
    required: ['name', 'arguments'],
    additionalProperties: false,
  }));
  const [only] = schemas;
  return schemas.length === 1 && only !== undefined ? only : { anyOf: schemas };
}

/** References within a schema that now stands deeper in another. */
function rebase(value: unknown, root: string): unknown {
  if (Array.isArray(value)) return value.map(each => rebase(each, root));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, child]) =>
      key === '$ref' && typeof child === 'string' && child.startsWith('#')
        ? [key, `${root}${child.slice(1)}`]
        : [key, rebase(child, root)],
    ),
  );
}
