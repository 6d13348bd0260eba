// The body of POST /v1/chat/completions: OpenAI's messages, or system B's bare prompt. Fields not listed are ignored,
// as newer clients send them; those listed act, or are refused by name.
// https://github.com/openai/openai-node, resources/chat/completions/completions.ts
import { z } from 'zod';
import type { GenerateRequest, Sampling } from '../domain/generation.js';
import { documentsField, toGrounding } from './grounding-fields.js';
import { type BodyFault, findToolFaults, reportFaults } from './openai-body-faults.js';
import { messagesSchema, toMessages } from './openai-messages.js';
import { MAX_TOKENS, openAiSamplingFields, toChoices, toOpenAiSampling } from './openai-sampling.js';
import {
  type CallReading,
  planTools,
  responseFormatSchema,
  toConstraint,
  toolChoiceSchema,
  toolsOf,
  toolsSchema,
} from './openai-tools.js';
import { promptSchema } from './prompt-text.js';
import { refusedField } from './refused-field.js';

const limit = z.int().min(1).max(MAX_TOKENS).nullish();
const accepted = (what: string) => z.unknown().optional().describe(`Accepted; ${what}`);

export const streamOptionsSchema = z.object({
  include_usage: z
    .boolean()
    .nullish()
    .describe('One more chunk before the end, with usage and without choices; needs stream.'),
});

const fields = z.object({
  model: z.string().max(256).nullish().describe('The served model, by its id or an alias; absent, the same.'),
  messages: messagesSchema.optional().describe('The conversation so far.'),
  prompt: promptSchema
    .optional()
    .describe('Instead of messages, one user message of 1 to 5,000 characters; needs stream.'),
  stream: z.boolean().nullish().describe('The answer as server-sent events, as it is written.'),
  stream_options: streamOptionsSchema.nullish(),
  max_tokens: limit.describe('Most tokens of the answer; absent, what the context still holds.'),
  max_completion_tokens: limit.describe('The newer name of max_tokens.'),
  ...openAiSamplingFields,
  logprobs: z.boolean().nullish().describe('Log-probabilities of the tokens of the answer.'),
  top_logprobs: z.int().min(0).max(20).nullish().describe('Alternatives per token; needs logprobs.'),
  response_format: responseFormatSchema
    .nullish()
    .describe(
      'json_object and json_schema are held while the answer is written: it always parses, unless a limit cuts it.',
    ),
  tools: toolsSchema.nullish().describe('For models whose chat template has a known form for calls.'),
  tool_choice: toolChoiceSchema
    .nullish()
    .describe('required, or a function by name, holds the answer to one call; none leaves the tools out.'),
  parallel_tool_calls: z.boolean().nullish().describe('False: the first call of an answer is its only one.'),
  documents: documentsField,
  user: accepted('it is not recorded.'),
  metadata: accepted('it is not recorded.'),
  store: accepted('every exchange is in the log either way; none can be fetched here.'),
  safety_identifier: accepted('it is not recorded.'),
  prompt_cache_key: accepted('common beginnings of prompts are found without it.'),
  prompt_cache_retention: accepted('the cache lives as long as its room is not needed.'),
  prompt_cache_options: accepted('common beginnings of prompts are found without it.'),
  service_tier: refusedField('there is one tier.', [null, 'auto', 'default']),
  reasoning_effort: refusedField('the model does not reason apart from its answer.', [null, 'none']),
  verbosity: refusedField('the model has no such setting; ask for it in the prompt.', [null, 'medium']),
  modalities: refusedField('the model writes text.', [null, ['text']]),
  audio: refusedField('the model writes text.'),
  prediction: refusedField('answers are not predicted.'),
  web_search_options: refusedField('nothing leaves this machine.'),
  moderation: refusedField('there is no moderation model.'),
  functions: refusedField('it is the old form of tools.', [null, []]),
  function_call: refusedField('it is the old form of tool_choice.', [null, 'none', 'auto']),
});

type Fields = z.output<typeof fields>;

/** What no single field shows. */
function* findFaults(body: Fields): Generator<BodyFault> {
  const { messages, prompt } = body;
  if (messages === undefined && prompt === undefined) yield { path: ['messages'], message: 'is required' };
  if (messages !== undefined && prompt !== undefined) {
    yield { path: ['prompt'], message: 'has no place beside messages' };
  }
  if (prompt !== undefined && body.stream !== true) {
    yield { path: ['stream'], message: 'must be true with prompt; send messages for an answer as a whole' };
  }
  if (body.stream !== true && body.stream_options != null) {
    yield { path: ['stream_options'], message: 'needs stream to be true' };
  }
  const { max_tokens: older, max_completion_tokens: newer } = body;
  if (older != null && newer != null && older !== newer) {
    yield { path: ['max_tokens'], message: 'is not what max_completion_tokens is, and both mean the same' };
  }
  if (body.top_logprobs != null && body.logprobs !== true) {
    yield { path: ['top_logprobs'], message: 'needs logprobs to be true' };
  }
  yield* findToolFaults({
    tools: body.tools ?? [],
    choice: body.tool_choice ?? 'auto',
    format: body.response_format,
    strictPath: tool => ['tools', tool, 'function', 'strict'],
    formatPath: ['response_format'],
  });
}

export const chatBodySchema = fields.superRefine((body, context) => {
  reportFaults(context, findFaults(body));
});

export type ChatBody = z.output<typeof chatBodySchema>;

export interface ChatGeneration extends Pick<GenerateRequest, 'input' | 'grounding'> {
  /** One for each answer. */
  readonly choices: readonly Sampling[];
  readonly reading: CallReading;
}

/** @param drawnSeed the one to use when the body has none */
export function toChatGeneration(body: ChatBody, drawnSeed: number): ChatGeneration {
  const plan = planTools(body.tools ?? [], body.tool_choice ?? 'auto');
  const { constraint, reading } = plan;
  const messages =
    body.prompt === undefined
      ? toMessages(body.messages ?? [])
      : [{ role: 'user' as const, content: body.prompt }];
  const base = toOpenAiSampling(body, drawnSeed);
  const sampling: Sampling = {
    ...base,
    maxTokens: body.max_completion_tokens ?? body.max_tokens ?? base.maxTokens,
    logprobs: body.logprobs === true ? (body.top_logprobs ?? 0) : null,
    constraint: constraint ?? toConstraint(body.response_format),
  };
  return {
    input: { messages, ...toolsOf(plan) },
    ...toGrounding(body.documents),
    choices: toChoices(sampling, body.n ?? 1),
    reading,
  };
}
