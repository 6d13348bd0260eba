// POST /v1/completions: OpenAI's way to go on from a text.
import type { RequestHandler } from 'express';
import { completionAnswer, createCompletionEncoder } from '../dialects/openai-completions.js';
import { completionsBodySchema, toCompletionGenerations } from '../dialects/openai-completions-body.js';
import { echoPrompt } from '../generation/echo.js';
import { parseBody } from '../http/body.js';
import { answerChoices, type OpenAiRouteParts } from './openai-choices.js';
import { drawSeed } from './seed.js';

export function completionsRoute(parts: OpenAiRouteParts): RequestHandler {
  return async (req, res) => {
    const body = parseBody(req, completionsBodySchema);
    parts.models.requireServed(body.model ?? undefined);
    await answerChoices(req, res, parts, {
      dialect: 'openai-completions',
      prompts: toCompletionGenerations(body, drawSeed()),
      through: (events, { input }, signal) => {
        if (body.echo !== true) return events;
        const { prompt, tokenIds = [] } = input;
        return echoPrompt(events, async () => prompt ?? parts.worker.detokenize(tokenIds, signal));
      },
      encoder: context => createCompletionEncoder(context, body.stream_options?.include_usage === true),
      answer: completionAnswer,
      isStreamed: body.stream === true,
    });
  };
}
