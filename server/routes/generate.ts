// POST /generate, the prompt server (contract A): parse, one generation, NDJSON or plain text.
import type { RequestHandler } from 'express';
import { v7 as uuidv7 } from 'uuid';
import { generateBodySchema, toGeneration } from '../dialects/generate-body.js';
import { createPlainTextEncoder } from '../dialects/plain-text.js';
import { createSimpleNdjsonEncoder } from '../dialects/simple-ndjson.js';
import { AppError } from '../errors.js';
import type { Generate } from '../generation/generate.js';
import type { IdempotentRuns } from '../generation/idempotent-runs.js';
import type { ServedModels } from '../generation/served-models.js';
import { parseBody } from '../http/body.js';
import { scopeOf } from '../http/request-scope.js';
import { type StreamTimeouts, sendStream } from '../http/send.js';
import { exchangeContextOf } from './exchange-context.js';
import { joinRun } from './joined-run.js';
import { drawSeed } from './seed.js';

export interface GenerateRouteParts {
  readonly generate: Generate;
  readonly runs: IdempotentRuns;
  readonly timeouts: StreamTimeouts;
  readonly models: Pick<ServedModels, 'current'>;
}

export function generateRoute({ generate, runs, timeouts, models }: GenerateRouteParts): RequestHandler {
  return async (req, res) => {
    const accepted = req.accepts(['application/x-ndjson', 'application/json', 'text/plain']);
    if (accepted === false) {
      throw new AppError('not_acceptable', 'This answers as application/x-ndjson or text/plain.', {
        param: 'Accept',
      });
    }
    const body = parseBody(req, generateBodySchema);
    const scope = scopeOf(res);
    const plain = accepted === 'text/plain';
    if (plain && body.logprobs !== null) {
      throw new AppError('invalid_request', '"logprobs" has no place in a plain text answer.', {
        param: 'logprobs',
      });
    }
    const exchange = exchangeContextOf(scope, plain ? 'plain-text' : 'simple-ndjson');
    const { told: context, events } = await joinRun(req, res, runs, signal => {
      const id = uuidv7();
      const request = { id, ...toGeneration(body, drawSeed()) };
      return {
        told: { id, model: models.current(), requestId: scope.requestId, createdAt: new Date() },
        events: generate(request, exchange, signal),
      };
    });
    const encoder = plain ? createPlainTextEncoder() : createSimpleNdjsonEncoder(context);
    const headers = { 'X-Exchange-Id': context.id };
    await sendStream(res, scope, events, encoder, { ...timeouts, headers });
  };
}
