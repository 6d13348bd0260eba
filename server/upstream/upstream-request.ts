// A request in the words of the OpenAI API: what the API has is sent, what it has not is refused by name.
import type OpenAI from 'openai';
import type { GenerateRequest, GenerationInput, Message, Sampling, Unasked } from '../domain/generation.js';
import { AppError } from '../errors.js';

type ChatParams = OpenAI.Chat.ChatCompletionCreateParamsStreaming;
type TextParams = OpenAI.CompletionCreateParamsStreaming;

/** What is not in the API, and some servers take all the same. */
export const EXTRA_FIELDS = ['top_k', 'min_p', 'typical_p', 'repetition_penalty'] as const;
export type ExtraField = (typeof EXTRA_FIELDS)[number];

/** No dialect asks for more: it means as many as the model can give. */
const NO_LIMIT = 100_000;

export interface RequestOptions {
  readonly model: string;
  /** Those that this server takes. */
  readonly extraFields: ReadonlySet<ExtraField>;
  /** Newer models of OpenAI's own refuse `max_tokens`; other servers may not know its successor. */
  readonly limitName: 'max_tokens' | 'max_completion_tokens';
}

/** @throws AppError unsupported_parameter, naming the field */
export function checkRequest(
  { input, sampling }: Omit<GenerateRequest, 'id'>,
  { extraFields, model }: RequestOptions,
): void {
  const refuse = (param: string, why: string): never => {
    throw new AppError('unsupported_parameter', `"${param}" is not supported with "${model}": ${why}`, {
      param,
    });
  };
  const others = 'another server answers, and token ids are not those of a tokenizer here.';
  if (input.tokenIds) refuse('prompt', others);
  if (input.contextIds) refuse('context', others);
  if (input.continueFinal)
    refuse('messages', 'another server answers, whose API cannot go on from the end of a message.');
  for (const [field, { isAsked }] of Object.entries(extrasOf(sampling))) {
    if (isAsked && !extraFields.has(field as ExtraField)) {
      refuse(
        field,
        'the OpenAI API has no such field; MINIVAULT_UPSTREAM_FIELDS names those that this server takes.',
      );
    }
  }
  if (input.messages === undefined) {
    const noChat = 'of a bare prompt the OpenAI API does not take it.';
    if (sampling.logprobs !== null) refuse('logprobs', noChat);
    if (sampling.constraint !== null) refuse('format', noChat);
  }
}

interface Extra {
  readonly value: number;
  readonly isAsked: boolean;
}

function extrasOf(sampling: Sampling): Readonly<Record<ExtraField, Extra>> {
  const { topK, minP, typicalP, repetitionPenalty } = sampling;
  return {
    top_k: { value: topK, isAsked: isAsked(sampling, 'topK') && topK !== 0 },
    min_p: { value: minP, isAsked: minP !== 0 },
    typical_p: { value: typicalP, isAsked: typicalP !== 1 },
    repetition_penalty: {
      value: repetitionPenalty,
      isAsked: isAsked(sampling, 'repetitionPenalty') && repetitionPenalty !== 1,
    },
  };
}

function isAsked({ unasked = [] }: Sampling, name: Unasked): boolean {
  return !unasked.includes(name);
}

/**
 * The parameters that rule the answer: those that were not sent are at the API's own defaults.
 * A server with other defaults does not tell them.
 */
export function inForce(sampling: Sampling): Sampling {
  const { unasked: _, ...known } = sampling;
  return {
    ...known,
    temperature: isAsked(sampling, 'temperature') ? sampling.temperature : 1,
    topP: isAsked(sampling, 'topP') ? sampling.topP : 1,
    topK: isAsked(sampling, 'topK') ? sampling.topK : 0,
    repetitionPenalty: isAsked(sampling, 'repetitionPenalty') ? sampling.repetitionPenalty : 1,
  };
}

export function toChatParams(
  input: GenerationInput,
  sampling: Sampling,
  options: RequestOptions,
): ChatParams {
  const { logprobs, constraint } = sampling;
  const { messages = [], tools, toolChoice } = input;
  return {
    ...toCommonParams(sampling, options),
    messages: messages.map(toWireMessage),
    ...(sampling.maxTokens >= NO_LIMIT ? {} : { [options.limitName]: sampling.maxTokens }),
    ...(logprobs === null ? {} : { logprobs: true, ...(logprobs === 0 ? {} : { top_logprobs: logprobs }) }),
    ...(tools === undefined
      ? {}
      : { tools: tools.map(tool => ({ type: 'function' as const, function: { ...tool } })) }),
    ...(toolChoice === undefined ? {} : { tool_choice: toWireChoice(toolChoice) }),
    // The constraint of a call is the shape of our own way to force one.
    ...(constraint === null || toolChoice !== undefined ? {} : { response_format: toWireFormat(constraint) }),
  };
}

export function toTextParams(prompt: string, sampling: Sampling, options: RequestOptions): TextParams {
  const limit = sampling.maxTokens >= NO_LIMIT ? {} : { max_tokens: sampling.maxTokens };
  return { ...toCommonParams(sampling, options), prompt, ...limit };
}

function toCommonParams(sampling: Sampling, { model, extraFields }: RequestOptions) {
  const { stop, presencePenalty, frequencyPenalty, logitBias } = sampling;
  const extras = Object.entries(extrasOf(sampling)).filter(
    ([field, { isAsked: asked }]) => asked && extraFields.has(field as ExtraField),
  );
  return {
    model,
    stream: true as const,
    stream_options: { include_usage: true },
    seed: sampling.seed,
    ...(isAsked(sampling, 'temperature') ? { temperature: sampling.temperature } : {}),
    ...(isAsked(sampling, 'topP') ? { top_p: sampling.topP } : {}),
    ...(presencePenalty === 0 ? {} : { presence_penalty: presencePenalty }),
    ...(frequencyPenalty === 0 ? {} : { frequency_penalty: frequencyPenalty }),
    ...(stop.length === 0 ? {} : { stop: [...stop] }),
    ...(Object.keys(logitBias).length === 0 ? {} : { logit_bias: { ...logitBias } }),
    ...Object.fromEntries(extras.map(([field, { value }]) => [field, value])),
  };
}

function toWireMessage(message: Message): OpenAI.Chat.ChatCompletionMessageParam {
  const { role, content, name, toolCalls = [], toolCallId = '' } = message;
  const named = name === undefined ? {} : { name };
  if (role === 'tool') return { role, content, tool_call_id: toolCallId };
  if (role !== 'assistant' || toolCalls.length === 0) return { role, content, ...named };
  return {
    role,
    content: content === '' ? null : content,
    ...named,
    tool_calls: toolCalls.map(call => ({
      id: call.id,
      type: 'function',
      function: { name: call.name, arguments: call.arguments },
    })),
  };
}

function toWireChoice(
  choice: 'required' | { readonly name: string },
): OpenAI.Chat.ChatCompletionToolChoiceOption {
  return choice === 'required' ? choice : { type: 'function', function: { name: choice.name } };
}

function toWireFormat(
  constraint: NonNullable<Sampling['constraint']>,
): NonNullable<ChatParams['response_format']> {
  if (constraint.type === 'json_object') return { type: 'json_object' };
  // Held while it is written, as a client of this gateway may rely on: a server that cannot says so.
  return {
    type: 'json_schema',
    json_schema: { name: 'answer', schema: { ...constraint.schema }, strict: true },
  };
}
