// POST /v1/chat/completions: OpenAI's clients, and system B's with their bare prompt.
import type { RequestHandler } from 'express';
import { chatAnswer, createChatEncoder } from '../dialects/openai-chat.js';
import { chatBodySchema, toChatGeneration } from '../dialects/openai-chat-body.js';
import type { CallReading } from '../dialects/openai-tools.js';
import type { GenerationEvents } from '../domain/generation.js';
import { AppError } from '../errors.js';
import { parseToolCalls } from '../generation/tool-calls.js';
import { parseBody } from '../http/body.js';
import { scopeOf } from '../http/request-scope.js';
import type { WorkerModel } from '../worker/protocol.js';
import { answerChoices, type OpenAiRouteParts } from './openai-choices.js';
import { drawSeed } from './seed.js';

export function chatCompletionsRoute(parts: OpenAiRouteParts): RequestHandler {
  return async (req, res) => {
    const body = parseBody(req, chatBodySchema);
    parts.models.requireServed(body.model ?? undefined);
    const { input, choices, reading } = toChatGeneration(body, drawSeed());
    const { model } = parts.worker.status();
    if (reading !== 'none' && model !== null) requireCallForm(model);
    const withCalls = (events: GenerationEvents, exchangeId: string): GenerationEvents =>
      reading === 'none'
        ? events
        : parseToolCalls(events, {
            format: () => formatOf(reading, parts.worker.status().model),
            exchangeId,
            isParallel: body.parallel_tool_calls !== false,
          });
    await answerChoices(res, scopeOf(res), parts, {
      dialect: 'openai-chat',
      prompts: [choices.map(sampling => ({ input, sampling }))],
      through: withCalls,
      encoder: context => createChatEncoder(context, body.stream_options?.include_usage === true),
      answer: chatAnswer,
      isStreamed: body.stream === true,
    });
  };
}

function formatOf(reading: CallReading, model: WorkerModel | null): string | null {
  return reading === 'bare' ? reading : (model?.tool_format ?? null);
}

/** While the model loads nothing is known of it: the worker itself refuses the same later. */
function requireCallForm({ id, tool_format: format }: WorkerModel): void {
  if (format !== null) return;
  throw new AppError(
    'unsupported_parameter',
    `"tools" is not supported: the chat template of ${id} has no known form for calls.`,
    { param: 'tools' },
  );
}
