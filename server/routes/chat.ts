// POST /api/v1/chat, the RAG server (contract D): parse, one generation, SSE or one JSON object.
import type { RequestHandler } from 'express';
import { v7 as uuidv7 } from 'uuid';
import { chatBodySchema, toGeneration } from '../dialects/chat-body.js';
import { chatAnswer, createSimpleSseEncoder } from '../dialects/simple-sse.js';
import { collect } from '../generation/collect.js';
import type { Generate } from '../generation/generate.js';
import type { IdempotentRuns } from '../generation/idempotent-runs.js';
import type { ServedModels } from '../generation/served-models.js';
import { parseBody } from '../http/body.js';
import { scopeOf } from '../http/request-scope.js';
import { type StreamTimeouts, sendStream } from '../http/send.js';
import { exchangeContextOf } from './exchange-context.js';
import { joinRun } from './joined-run.js';
import { drawSeed } from './seed.js';

export interface ChatRouteParts {
  readonly generate: Generate;
  readonly runs: IdempotentRuns;
  readonly timeouts: StreamTimeouts;
  readonly models: Pick<ServedModels, 'current'>;
}

export function chatRoute({ generate, runs, timeouts, models }: ChatRouteParts): RequestHandler {
  return async (req, res) => {
    const body = parseBody(req, chatBodySchema);
    const scope = scopeOf(res);
    const { told: context, events } = await joinRun(req, res, runs, signal => {
      const id = uuidv7();
      const request = { id, ...toGeneration(body, drawSeed()) };
      return {
        told: { id, model: models.current(), requestId: scope.requestId, createdAt: new Date() },
        events: generate(request, exchangeContextOf(scope, 'simple-sse'), signal),
      };
    });
    const headers = { 'X-Exchange-Id': context.id };
    if (body.stream) {
      await sendStream(res, scope, events, createSimpleSseEncoder(context), { ...timeouts, headers });
      return;
    }
    const result = await collect(events);
    res.set(headers).json(chatAnswer(result, context));
  };
}
