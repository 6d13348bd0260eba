// POST /generate, the prompt server (contract A): parse, one generation, NDJSON or plain text.
import type { RequestHandler } from 'express';
import { v7 as uuidv7 } from 'uuid';
import { generateBodySchema, toGeneration } from '../dialects/generate-body.js';
import { createPlainTextEncoder } from '../dialects/plain-text.js';
import { createSimpleNdjsonEncoder } from '../dialects/simple-ndjson.js';
import { AppError } from '../errors.js';
import type { Generate } from '../generation/generate.js';
import type { ServedModels } from '../generation/served-models.js';
import { parseBody } from '../http/body.js';
import { scopeOf } from '../http/request-scope.js';
import { type StreamTimeouts, sendStream } from '../http/send.js';
import { exchangeContextOf } from './exchange-context.js';
import { drawSeed } from './seed.js';

export interface GenerateRouteParts {
  readonly generate: Generate;
  readonly timeouts: StreamTimeouts;
  readonly models: Pick<ServedModels, 'current'>;
}

export function generateRoute({ generate, timeouts, models }: GenerateRouteParts): RequestHandler {
  return async (req, res) => {
    const accepted = req.accepts(['application/x-ndjson', 'application/json', 'text/plain']);
    if (accepted === false) {
      throw new AppError('not_acceptable', 'This answers as application/x-ndjson or text/plain.', {
        param: 'Accept',
      });
    }
    const body = parseBody(req, generateBodySchema);
    const id = uuidv7();
    const scope = scopeOf(res);
    const plain = accepted === 'text/plain';
    if (plain && body.logprobs !== null) {
      throw new AppError('invalid_request', '"logprobs" has no place in a plain text answer.', {
        param: 'logprobs',
      });
    }
    const request = { id, ...toGeneration(body, drawSeed()) };
    const context = exchangeContextOf(scope, plain ? 'plain-text' : 'simple-ndjson');
    const encoder = plain
      ? createPlainTextEncoder()
      : createSimpleNdjsonEncoder({
          id,
          model: models.current(),
          requestId: scope.requestId,
          createdAt: new Date(),
        });
    const events = generate(request, context, scope.signal);
    await sendStream(res, scope, events, encoder, { ...timeouts, headers: { 'X-Exchange-Id': id } });
  };
}
