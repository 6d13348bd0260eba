// The body of POST /v1/responses, and what it asks the model for.
// https://platform.openai.com/docs/api-reference/responses/create
import { z } from 'zod';
import type { GenerateRequest, Message } from '../domain/generation.js';
import { chosenSampling, defaultSampling, unaskedOf } from './default-sampling.js';
import { documentsField, toGrounding } from './grounding-fields.js';
import { type BodyFault, findToolFaults, reportFaults } from './openai-body-faults.js';
import { MAX_TOOLS } from './openai-messages.js';
import { inputSchema, toMessages } from './openai-responses-items.js';
import { MAX_TOKENS } from './openai-sampling.js';
import {
  answerSchemaFields,
  type CallReading,
  functionFields,
  jsonSchema,
  planTools,
  type ResponseFormat,
  toConstraint,
  toolChoiceOf,
  toolNameSchema,
  toolsOf,
} from './openai-tools.js';
import { refusedField } from './refused-field.js';

const MAX_METADATA = 16;
const MAX_ALTERNATIVES = 20;

const NO_EFFECT = 'Accepted; the answer is the same.';

const toolSchema = z.object({
  type: z.literal('function', { error: 'only functions of the client’s own can be called' }),
  ...functionFields,
  defer_loading: refusedField('every tool is shown to the model.', [null, false]),
});

const toolChoiceSchema = toolChoiceOf(
  z.object({ type: z.literal('function'), name: toolNameSchema }),
  '{"type": "function", "name": …}',
);

const formatSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text') }),
  z.object({ type: z.literal('json_object') }),
  z.object({ type: z.literal('json_schema'), ...answerSchemaFields, schema: jsonSchema }),
]);

const fields = z.object({
  model: z.string().max(256).nullish().describe('The served model, by its id or an alias; absent, the same.'),
  input: inputSchema.describe('The new part of the conversation.'),
  instructions: z
    .string()
    .nullish()
    .describe('Stands before the conversation; not carried over to the next.'),
  previous_response_id: z
    .string()
    .max(128)
    .nullish()
    .describe('A kept response that this one goes on from: its input and output stand before this input.'),
  stream: z.boolean().nullish().describe('The answer as server-sent events, as it is written.'),
  stream_options: z
    .object({ include_obfuscation: refusedField('events are not padded.', [null, false]) })
    .nullish(),
  background: z.boolean().nullish().describe('Answer at once and go on without the client; needs store.'),
  store: z.boolean().nullish().describe('False: not kept. Default true.'),
  max_output_tokens: z
    .int()
    .min(1)
    .max(MAX_TOKENS)
    .nullish()
    .describe('Most tokens of the answer; absent, what the context still holds.'),
  temperature: z
    .number()
    .min(0)
    .max(2)
    .nullish()
    .describe(
      'Set this or top_p, and exactly that is in force; set neither, and it is what the model recommends.',
    ),
  top_p: z.number().gt(0).max(1).nullish().describe('Only the likeliest tokens that make up this share.'),
  top_logprobs: z
    .int()
    .min(0)
    .max(MAX_ALTERNATIVES)
    .nullish()
    .describe('Log-probabilities with so many alternatives per token.'),
  include: z
    .array(z.enum(['message.output_text.logprobs', 'reasoning.encrypted_content']))
    .max(MAX_ALTERNATIVES)
    .nullish()
    .describe('message.output_text.logprobs tells those of each token.'),
  text: z
    .object({
      format: formatSchema
        .nullish()
        .describe('json_object and json_schema are held while the answer is written.'),
      verbosity: refusedField('the model has no such setting; ask for it in the input.', [null, 'medium']),
    })
    .nullish(),
  tools: z
    .array(toolSchema)
    .max(MAX_TOOLS)
    .nullish()
    .describe('For models whose chat template has a known form for calls.'),
  tool_choice: toolChoiceSchema
    .nullish()
    .describe('required, or a function by name, holds the answer to one call; none leaves the tools out.'),
  parallel_tool_calls: z.boolean().nullish().describe('False: the first call of an answer is its only one.'),
  documents: documentsField,
  chat_id: z
    .uuid()
    .nullish()
    .describe('A UUID of the client’s own: exchanges that share one are kept as one chat, see `/chats`.'),
  metadata: z
    .record(z.string().max(64), z.string().max(512))
    .refine(pairs => Object.keys(pairs).length <= MAX_METADATA, { error: `at most ${MAX_METADATA} pairs` })
    .nullish()
    .describe('Up to 16 pairs that the response carries.'),
  user: z.string().max(512).nullish().describe(NO_EFFECT),
  safety_identifier: z.string().max(512).nullish().describe(NO_EFFECT),
  prompt_cache_key: z.string().max(512).nullish().describe(NO_EFFECT),
  prompt_cache_retention: z.unknown().optional().describe(NO_EFFECT),
  prompt_cache_options: z.unknown().optional().describe(NO_EFFECT),
  service_tier: refusedField('there is one tier.', [null, 'auto', 'default']),
  truncation: refusedField('what does not fit the context is refused.', [null, 'disabled']),
  reasoning: refusedField('the model does not reason apart from its answer.', [null, {}, { effort: 'none' }]),
  max_tool_calls: refusedField('tools are called by the client, as often as it likes.', [null]),
  conversation: refusedField('use previous_response_id.', [null]),
  prompt: refusedField('there are no stored prompts.', [null]),
  context_management: refusedField('what does not fit the context is refused.', [null, []]),
  moderation: refusedField('there is no moderation model.', [null]),
});

type Fields = z.output<typeof fields>;

/** What no single field shows. */
function* findFaults(body: Fields): Generator<BodyFault> {
  if (body.background === true && body.store === false) {
    yield { path: ['store'], message: 'must not be false with background: nobody could fetch the answer' };
  }
  if (body.stream !== true && body.stream_options != null) {
    yield { path: ['stream_options'], message: 'needs stream to be true' };
  }
  yield* findToolFaults({
    tools: toChatTools(body.tools),
    choice: toChatToolChoice(body.tool_choice),
    format: toChatFormat(body.text?.format),
    strictPath: tool => ['tools', tool, 'strict'],
    formatPath: ['text', 'format'],
  });
}

export const responsesBodySchema = fields.superRefine((body, context) => {
  reportFaults(context, findFaults(body));
});

export type ResponsesBody = z.output<typeof responsesBodySchema>;

export interface ResponseGeneration extends Omit<GenerateRequest, 'id'> {
  readonly reading: CallReading;
  /** Input and what came before it, without instructions: with the answer, what the next response goes on from. */
  readonly conversation: readonly Message[];
}

/**
 * @param former the conversation that previous_response_id names, else empty
 * @param seed drawn by the gateway: the format has none
 * @throws what toMessages of the items throws
 */
export function toGeneration(
  body: ResponsesBody,
  former: readonly Message[],
  seed: number,
): ResponseGeneration {
  const plan = planTools(toChatTools(body.tools), toChatToolChoice(body.tool_choice));
  const { constraint, reading } = plan;
  const conversation = [...former, ...toMessages(body.input, former)];
  const instructions: Message[] = body.instructions ? [{ role: 'system', content: body.instructions }] : [];
  const wantsLogprobs = body.top_logprobs != null || body.include?.includes('message.output_text.logprobs');
  const defaults = defaultSampling(seed);
  return {
    input: { messages: [...instructions, ...conversation], ...toolsOf(plan) },
    sampling: {
      ...defaults,
      ...chosenSampling({ temperature: body.temperature, topP: body.top_p }),
      unasked: unaskedOf({ temperature: body.temperature, topP: body.top_p }),
      maxTokens: body.max_output_tokens ?? defaults.maxTokens,
      logprobs: wantsLogprobs ? (body.top_logprobs ?? 0) : null,
      constraint: constraint ?? toConstraint(toChatFormat(body.text?.format)),
    },
    ...toGrounding(body.documents),
    reading,
    conversation,
  };
}

function toChatTools(tools: ResponsesBody['tools']) {
  return (tools ?? []).map(({ type, ...definition }) => ({ type, function: definition }));
}

function toChatFormat(
  format: z.output<typeof formatSchema> | null | undefined,
): ResponseFormat | null | undefined {
  return format?.type === 'json_schema' ? { type: format.type, json_schema: format } : format;
}

function toChatToolChoice(choice: ResponsesBody['tool_choice']) {
  if (choice == null) return 'auto';
  return typeof choice === 'string' ? choice : { type: choice.type, function: { name: choice.name } };
}
