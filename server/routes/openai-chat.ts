// POST /v1/chat/completions: OpenAI's clients, and system B's with their bare prompt.
import type { RequestHandler } from 'express';
import { chatAnswer, createChatEncoder } from '../dialects/openai-chat.js';
import { chatBodySchema, toChatGeneration } from '../dialects/openai-chat-body.js';
import type { CallReading } from '../dialects/openai-tools.js';
import type { GenerateRequest, GenerationEvents } from '../domain/generation.js';
import type { ModelFacts } from '../domain/model-facts.js';
import { parseToolCalls } from '../generation/tool-calls.js';
import { parseBody } from '../http/body.js';
import { answerChoices, type OpenAiRouteParts } from './openai-choices.js';
import { drawSeed } from './seed.js';

export function chatCompletionsRoute(parts: OpenAiRouteParts): RequestHandler {
  return async (req, res) => {
    const body = parseBody(req, chatBodySchema);
    parts.models.requireServed(body.model ?? undefined);
    const { choices, reading, ...prompt } = toChatGeneration(body, drawSeed());
    const withCalls = (events: GenerationEvents, { id: exchangeId }: GenerateRequest): GenerationEvents =>
      reading === 'none'
        ? events
        : parseToolCalls(events, {
            format: () => formatOf(reading, parts.worker.status().model),
            exchangeId,
            isParallel: body.parallel_tool_calls !== false,
          });
    await answerChoices(req, res, parts, {
      dialect: 'openai-chat',
      prompts: [choices.map(sampling => ({ ...prompt, sampling }))],
      through: withCalls,
      encoder: context => createChatEncoder(context, body.stream_options?.include_usage === true),
      answer: chatAnswer,
      isStreamed: body.stream === true,
    });
  };
}

function formatOf(reading: CallReading, model: ModelFacts | null): string | null {
  return reading === 'bare' ? reading : (model?.tool_format ?? null);
}
