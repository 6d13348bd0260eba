// POST /v1/messages and /v1/messages/count_tokens: Anthropic's clients.
import type { RequestHandler } from 'express';
import { v7 as uuidv7 } from 'uuid';
import type { Backend } from '../backend/backend.js';
import { createMessagesEncoder, messageAnswer } from '../dialects/anthropic-messages.js';
import {
  countTokensBodySchema,
  messagesBodySchema,
  toGeneration,
  toInput,
} from '../dialects/anthropic-messages-body.js';
import { isParallel } from '../dialects/anthropic-tools.js';
import { collect } from '../generation/collect.js';
import type { Generate } from '../generation/generate.js';
import type { IdempotentRuns } from '../generation/idempotent-runs.js';
import type { ServedModels } from '../generation/served-models.js';
import { parseToolCalls } from '../generation/tool-calls.js';
import { checkToolFormat } from '../generation/tool-format.js';
import { parseBody } from '../http/body.js';
import { scopeOf } from '../http/request-scope.js';
import { type StreamTimeouts, sendStream } from '../http/send.js';
import { exchangeContextOf } from './exchange-context.js';
import { joinRun } from './joined-run.js';
import { drawSeed } from './seed.js';

export interface MessagesRouteParts {
  readonly generate: Generate;
  readonly runs: IdempotentRuns;
  readonly timeouts: StreamTimeouts;
  readonly models: ServedModels;
  readonly worker: Pick<Backend, 'status'>;
}

export function messagesRoute(parts: MessagesRouteParts): RequestHandler {
  const { generate, runs, timeouts, models, worker } = parts;
  return async (req, res) => {
    const scope = scopeOf(res);
    const { requestId } = scope;
    // The name that Anthropic's own SDKs look for.
    res.setHeader('request-id', requestId);
    const body = parseBody(req, messagesBodySchema);
    models.requireServed(body.model);
    const { told: context, events } = await joinRun(req, res, runs, signal => {
      const id = uuidv7();
      const { reading, ...asked } = toGeneration(body, drawSeed());
      const exchange = exchangeContextOf(scope, 'anthropic-messages');
      const generated = generate({ id, ...asked }, exchange, signal);
      const format = (): string | null =>
        reading === 'bare' ? reading : (worker.status().model?.tool_format ?? null);
      const reader = { format, exchangeId: id, isParallel: isParallel(body.tool_choice) };
      return {
        told: {
          id,
          model: models.current(),
          requestId,
          createdAt: new Date(),
          maxTokens: body.max_tokens,
        },
        events: reading === 'none' ? generated : parseToolCalls(generated, reader),
      };
    });
    const headers = { 'X-Exchange-Id': context.id };
    if (body.stream) {
      await sendStream(res, scope, events, createMessagesEncoder(context), { ...timeouts, headers });
      return;
    }
    const result = await collect(events);
    res.set(headers).json(messageAnswer(result, context));
  };
}

export interface CountTokensRouteParts {
  readonly models: Pick<ServedModels, 'requireServed'>;
  readonly worker: Pick<Backend, 'status' | 'tokenize'>;
}

export function countTokensRoute({ models, worker }: CountTokensRouteParts): RequestHandler {
  return async (req, res) => {
    const { requestId, signal } = scopeOf(res);
    res.setHeader('request-id', requestId);
    const body = parseBody(req, countTokensBodySchema);
    models.requireServed(body.model);
    const input = toInput(body);
    checkToolFormat(worker, input);
    res.json({ input_tokens: await worker.tokenize(input, signal) });
  };
}
