// POST /stream, the history server (contract E): parse, one generation, bare text or OpenAI's chunks.
import type { RequestHandler } from 'express';
import { v7 as uuidv7 } from 'uuid';
import { chatAnswer, createChatEncoder } from '../dialects/openai-chat.js';
import { createPlainTextEncoder } from '../dialects/plain-text.js';
import { streamBodySchema, streamQuerySchema, toGeneration } from '../dialects/stream-body.js';
import { parseBody, parseWith } from '../http/body.js';
import { scopeOf } from '../http/request-scope.js';
import { sendStream } from '../http/send.js';
import { exchangeContextOf } from './exchange-context.js';
import { joinRun } from './joined-run.js';
import { answerChoices, type OpenAiRouteParts } from './openai-choices.js';
import { drawSeed } from './seed.js';

export function streamRoute(parts: OpenAiRouteParts): RequestHandler {
  return async (req, res) => {
    const { stream_format: format } = parseWith(streamQuerySchema, { ...req.query });
    const generation = toGeneration(parseBody(req, streamBodySchema), drawSeed());
    if (format === 'openai') {
      await answerChoices(req, res, parts, {
        dialect: 'stream-openai',
        prompts: [[generation]],
        through: events => events,
        encoder: context => createChatEncoder(context, false),
        answer: chatAnswer,
        isStreamed: true,
      });
      return;
    }
    const scope = scopeOf(res);
    const { told: id, events } = await joinRun(req, res, parts.runs, signal => {
      const exchangeId = uuidv7();
      const context = exchangeContextOf(scope, 'stream-text');
      return {
        told: exchangeId,
        events: parts.generate({ id: exchangeId, ...generation }, context, signal),
      };
    });
    const headers = { 'X-Exchange-Id': id };
    await sendStream(res, scope, events, createPlainTextEncoder(), { ...parts.timeouts, headers });
  };
}
