// The body of POST /v1/responses, and what it asks the model for.
// https://platform.openai.com/docs/api-reference/responses/create
import { z } from 'zod';
import type { ChatInput, Message, Sampling } from '../domain/generation.js';
import { chosenSampling, defaultSampling } from './default-sampling.js';
import { inputSchema, toMessages } from './openai-responses-items.js';
import { type CallReading, planTools, toConstraint } from './openai-tools.js';
import { refusedField } from './refused-field.js';

const MAX_TOKENS = 1_000_000_000;
const MAX_TOOLS = 128;
const MAX_METADATA = 16;
const MAX_ALTERNATIVES = 20;

const NO_EFFECT = 'Accepted; the answer is the same.';
const toolName = z.string().regex(/^[\w-]{1,64}$/, 'up to 64 letters, digits, _ and -');
const jsonSchema = z.record(z.string(), z.unknown());

const toolSchema = z.object({
  type: z.literal('function', { error: 'only functions of the client’s own can be called' }),
  name: toolName,
  description: z.string().nullish(),
  parameters: jsonSchema.nullish().describe('A JSON schema; absent, there are none.'),
  strict: z
    .boolean()
    .nullish()
    .describe('Arguments are held to the schema where tool_choice makes the model call.'),
  defer_loading: refusedField('every tool is shown to the model.', [null, false]),
});

const toolChoiceSchema = z.union(
  [z.enum(['none', 'auto', 'required']), z.object({ type: z.literal('function'), name: toolName })],
  { error: 'none, auto, required, or {"type": "function", "name": …}' },
);

const formatSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text') }),
  z.object({ type: z.literal('json_object') }),
  z.object({
    type: z.literal('json_schema'),
    name: toolName,
    description: z.string().nullish(),
    schema: jsonSchema,
    strict: z.boolean().nullish().describe('The answer is held to the schema either way.'),
  }),
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
type Fault = { readonly path: (string | number)[]; readonly message: string; readonly unsupported?: true };

/** What no single field shows. */
function* findFaults(body: Fields): Generator<Fault> {
  const { tools, tool_choice: choice } = body;
  if (body.background === true && body.store === false) {
    yield { path: ['store'], message: 'must not be false with background: nobody could fetch the answer' };
  }
  if (body.stream !== true && body.stream_options != null) {
    yield { path: ['stream_options'], message: 'needs stream to be true' };
  }
  if (choice == null || choice === 'auto') {
    const strict = tools?.findIndex(tool => tool.strict === true) ?? -1;
    if (strict !== -1) {
      yield {
        path: ['tools', strict, 'strict'],
        message:
          'is not supported: only with tool_choice required or a function by name are arguments held to a schema.',
        unsupported: true,
      };
    }
  } else if (choice !== 'none') {
    const named = choice === 'required' ? tools?.[0] : tools?.find(({ name }) => name === choice.name);
    if (named === undefined) yield { path: ['tool_choice'], message: 'asks for a tool that is not in tools' };
  }
  if (tools?.length && choice !== 'none' && (body.text?.format?.type ?? 'text') !== 'text') {
    yield {
      path: ['text', 'format'],
      message: 'is not supported: JSON leaves no room for calls of tools; set tool_choice to none.',
      unsupported: true,
    };
  }
}

export const responsesBodySchema = fields.superRefine((body, context) => {
  for (const { path, message, unsupported } of findFaults(body)) {
    context.addIssue({ code: 'custom', path, message, ...(unsupported ? { params: { unsupported } } : {}) });
  }
});

export type ResponsesBody = z.output<typeof responsesBodySchema>;

export interface ResponseGeneration {
  readonly input: ChatInput;
  readonly sampling: Sampling;
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
  const { tools, constraint, reading } = planTools(
    (body.tools ?? []).map(({ type, ...definition }) => ({ type, function: definition })),
    toChatToolChoice(body.tool_choice),
  );
  const conversation = [...former, ...toMessages(body.input, former)];
  const instructions: Message[] = body.instructions ? [{ role: 'system', content: body.instructions }] : [];
  const format = body.text?.format;
  const wantsLogprobs = body.top_logprobs != null || body.include?.includes('message.output_text.logprobs');
  const defaults = defaultSampling(seed);
  return {
    input: { messages: [...instructions, ...conversation], ...(tools.length === 0 ? {} : { tools }) },
    sampling: {
      ...defaults,
      ...chosenSampling({ temperature: body.temperature, topP: body.top_p }),
      maxTokens: body.max_output_tokens ?? defaults.maxTokens,
      logprobs: wantsLogprobs ? (body.top_logprobs ?? 0) : null,
      constraint:
        constraint ??
        toConstraint(format?.type === 'json_schema' ? { type: format.type, json_schema: format } : format),
    },
    reading,
    conversation,
  };
}

function toChatToolChoice(choice: ResponsesBody['tool_choice']) {
  if (choice == null) return 'auto';
  return typeof choice === 'string' ? choice : { type: choice.type, function: { name: choice.name } };
}
