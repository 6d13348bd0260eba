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
import { answerChoices, type OpenAiRouteParts } from './openai-choices.js';
import { drawSeed } from './seed.js';

export function streamRoute(parts: OpenAiRouteParts): RequestHandler {
  return async (req, res) => {
    const { stream_format: format } = parseWith(streamQuerySchema, { ...req.query });
    const generation = toGeneration(parseBody(req, streamBodySchema), drawSeed());
    const scope = scopeOf(res);
    if (format === 'openai') {
      await answerChoices(res, scope, parts, {
        dialect: 'stream-openai',
        prompts: [[generation]],
        through: events => events,
        encoder: context => createChatEncoder(context, false),
        answer: chatAnswer,
        isStreamed: true,
      });
      return;
    }
    const id = uuidv7();
    const context = exchangeContextOf(scope, 'stream-text');
    const events = parts.generate({ id, ...generation }, context, scope.signal);
    const headers = { 'X-Exchange-Id': id };
    await sendStream(res, scope, events, createPlainTextEncoder(), { ...parts.timeouts, headers });
  };
}
