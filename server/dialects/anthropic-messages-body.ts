// The bodies of POST /v1/messages and /v1/messages/count_tokens, and what they ask the model for.
// https://docs.claude.com/en/api/messages
import { z } from 'zod';
import type { ChatInput, GenerateRequest } from '../domain/generation.js';
import { AppError } from '../errors.js';
import { joinText, messageSchema, textContentSchema, toMessages } from './anthropic-content.js';
import { toolChoiceSchema, toolsSchema, toToolPlan } from './anthropic-tools.js';
import { chosenSampling, defaultSampling, unaskedOf } from './default-sampling.js';
import { documentsField, toGrounding } from './grounding-fields.js';
import { type CallReading, toolsOf } from './openai-tools.js';
import { refusedField } from './refused-field.js';

const MAX_MESSAGES = 1_000;
const MAX_TOKENS = 1_000_000;
const MAX_STOP_STRINGS = 16;
const MAX_STOP_CHARACTERS = 256;
const NO_EFFECT = 'Accepted; the answer is the same.';

const outputConfigSchema = z.object({
  format: z
    .object({ type: z.literal('json_schema'), schema: z.record(z.string(), z.unknown()) })
    .nullable()
    .optional()
    .describe('The answer is JSON of this schema, held by constrained decoding.'),
  effort: refusedField('the model has one way to answer.', [null, 'high']),
});

/** What the prompt is made of: all that count_tokens takes. */
const promptFields = {
  model: z
    .string()
    .min(1)
    .max(256)
    .optional()
    .describe('The served model, by its id or an alias; absent, the same.'),
  messages: z
    .array(messageSchema)
    .min(1)
    .max(MAX_MESSAGES)
    .describe('The conversation; a last message of the assistant is continued.'),
  system: textContentSchema.optional().describe('Stands before the messages.'),
  tools: toolsSchema.optional().describe('For models whose chat template has a known form for tools.'),
  tool_choice: toolChoiceSchema
    .optional()
    .describe('auto (default); any, or a tool by name, holds the answer to one call; none hides the tools.'),
  thinking: refusedField('the model does not think before it answers.', [null, { type: 'disabled' }]),
  output_config: outputConfigSchema.nullable().optional(),
  cache_control: z.unknown().optional().describe('Accepted; prefixes are reused by themselves.'),
  speed: refusedField('there is one speed.', [null, 'standard']),
  output_format: refusedField('use output_config.format.', [null]),
  context_management: refusedField('what does not fit the context is refused.', [null]),
  mcp_servers: refusedField('nothing leaves this machine.', [null, []]),
};

export const countTokensBodySchema = z.object(promptFields);

export const messagesBodySchema = z.object({
  ...promptFields,
  max_tokens: z
    .int()
    .min(1)
    .max(MAX_TOKENS)
    .describe("Most tokens to generate; the model's context may end an answer earlier."),
  stream: z.boolean().default(false).describe('Answer with server-sent events.'),
  stop_sequences: z
    .array(z.string().min(1).max(MAX_STOP_CHARACTERS))
    .max(MAX_STOP_STRINGS)
    .default([])
    .describe('Texts that end the answer and are not part of it.'),
  temperature: z.number().min(0).max(1).optional().describe('0 is the likeliest token each time.'),
  top_p: z.number().gt(0).max(1).optional().describe('Only the likeliest tokens that make up this share.'),
  top_k: z.int().min(0).max(1_000_000).optional().describe('Only so many of the likeliest tokens; 0 is off.'),
  documents: documentsField,
  metadata: z
    .object({ user_id: z.string().max(256).nullable().optional() })
    .optional()
    .describe(NO_EFFECT),
  service_tier: z.enum(['auto', 'standard_only']).optional().describe(NO_EFFECT),
  container: refusedField('there are no containers.', [null]),
  inference_geo: refusedField('answers are computed on this machine.', [null]),
  diagnostics: refusedField('cache misses are not explained.', [null]),
});

export type CountTokensBody = z.output<typeof countTokensBodySchema>;
export type MessagesBody = z.output<typeof messagesBodySchema>;

/**
 * The prompt as the chat template gets it; a last message of the assistant is to be continued.
 * @throws AppError invalid_request for messages that make no conversation.
 */
export function toInput({ messages: wire, system, tools, tool_choice: choice }: CountTokensBody): ChatInput {
  const systemText = system === undefined ? '' : joinText(system);
  const messages = toMessages(systemText === '' ? wire : [{ role: 'system', content: systemText }, ...wire]);
  const last = messages.at(-1);
  if (last === undefined || last.toolCalls !== undefined) {
    const why = last === undefined ? 'all of them are empty' : 'each tool_use needs a tool_result after it';
    throw new AppError('invalid_request', `"messages": ${why}.`, { param: 'messages' });
  }
  return {
    messages,
    ...toolsOf(toToolPlan(tools, choice)),
    ...(last.role === 'assistant' ? { continueFinal: true } : {}),
  };
}

export interface MessageGeneration extends Omit<GenerateRequest, 'id'> {
  readonly input: ChatInput;
  readonly reading: CallReading;
}

/**
 * @param seed drawn by the gateway: the format has none
 * @throws what toInput throws, and unsupported_parameter for JSON beside tools
 */
export function toGeneration(body: MessagesBody, seed: number): MessageGeneration {
  const { temperature, top_p: topP, top_k: topK, output_config: output } = body;
  const chosen = chosenSampling({ temperature, topP });
  const format = output?.format ?? null;
  const { constraint, reading } = toToolPlan(body.tools, body.tool_choice);
  if (format !== null && reading !== 'none') {
    throw new AppError(
      'unsupported_parameter',
      '"output_config.format" is not supported: JSON leaves no room for calls of tools; set tool_choice to none.',
      { param: 'output_config.format' },
    );
  }
  return {
    input: toInput(body),
    sampling: {
      ...defaultSampling(seed),
      ...chosen,
      unasked: unaskedOf({ temperature, topP, topK }),
      topK: topK ?? chosen.topK,
      maxTokens: body.max_tokens,
      stop: body.stop_sequences,
      constraint: format === null ? constraint : { type: 'json_schema', schema: format.schema },
    },
    ...toGrounding(body.documents),
    reading,
  };
}
