// POST /api/generate and /api/chat, Ollama's clients: load or unload, else fit, one generation, NDJSON or one object.
import type { RequestHandler } from 'express';
import { v7 as uuidv7 } from 'uuid';
import type { z } from 'zod';
import type { Backend } from '../backend/backend.js';
import type { StreamEncoder } from '../dialects/dialect.js';
import {
  createOllamaChatEncoder,
  fromOllamaChat,
  ollamaChatBodySchema,
  toOllamaChatAnswer,
  toOllamaChatNotice,
} from '../dialects/ollama-chat.js';
import type { OllamaFields } from '../dialects/ollama-fields.js';
import {
  createOllamaGenerateEncoder,
  fromOllamaGenerate,
  ollamaGenerateBodySchema,
  toOllamaGenerateAnswer,
  toOllamaGenerateNotice,
} from '../dialects/ollama-generate.js';
import type { Fields, OllamaContext } from '../dialects/ollama-record.js';
import type { GenerateRequest, Result } from '../domain/generation.js';
import { collect } from '../generation/collect.js';
import { fitContext } from '../generation/fit-context.js';
import type { Generate } from '../generation/generate.js';
import type { IdempotentRuns } from '../generation/idempotent-runs.js';
import type { Residency } from '../generation/residency.js';
import type { ServedModels } from '../generation/served-models.js';
import { parseToolCalls } from '../generation/tool-calls.js';
import { parseBody, requireBody } from '../http/body.js';
import { idempotencyKeyOf } from '../http/idempotency-key.js';
import { scopeOf } from '../http/request-scope.js';
import { type StreamTimeouts, sendStream } from '../http/send.js';
import { exchangeContextOf } from './exchange-context.js';
import { joinRun } from './joined-run.js';
import { drawSeed } from './seed.js';

export interface OllamaRouteParts {
  readonly generate: Generate;
  readonly runs: IdempotentRuns;
  readonly timeouts: StreamTimeouts;
  readonly models: ServedModels;
  readonly residency: Residency;
  readonly worker: Pick<Backend, 'tokenize' | 'status'>;
}

/** What tells the two apart. */
interface Format<Body extends OllamaFields> {
  readonly dialect: string;
  readonly schema: z.ZodType<Body>;
  /** Nothing to answer: only load or unload. */
  readonly isEmpty: (body: Body) => boolean;
  readonly toRequest: (body: Body, seed: number) => Omit<GenerateRequest, 'id'>;
  readonly toEncoder: (context: OllamaContext) => StreamEncoder;
  readonly toAnswer: (context: OllamaContext, result: Result) => Fields;
  readonly toNotice: (context: OllamaContext, reason: 'load' | 'unload') => Fields;
}

export const ollamaGenerateRoute = (parts: OllamaRouteParts): RequestHandler =>
  answerRoute(parts, {
    dialect: 'ollama-generate',
    schema: ollamaGenerateBodySchema,
    isEmpty: body => body.prompt === '',
    toRequest: fromOllamaGenerate,
    toEncoder: createOllamaGenerateEncoder,
    toAnswer: toOllamaGenerateAnswer,
    toNotice: toOllamaGenerateNotice,
  });

export const ollamaChatRoute = (parts: OllamaRouteParts): RequestHandler =>
  answerRoute(parts, {
    dialect: 'ollama-chat',
    schema: ollamaChatBodySchema,
    isEmpty: body => body.messages.length === 0,
    toRequest: fromOllamaChat,
    toEncoder: createOllamaChatEncoder,
    toAnswer: toOllamaChatAnswer,
    toNotice: toOllamaChatNotice,
  });

function answerRoute<Body extends OllamaFields>(
  { generate, runs, timeouts, models, residency, worker }: OllamaRouteParts,
  format: Format<Body>,
): RequestHandler {
  return async (req, res) => {
    requireBody(req);
    const body = parseBody(req, format.schema);
    models.requireServed(body.model ?? undefined);
    const scope = scopeOf(res);
    const { requestId, signal } = scope;
    const toContext = (): OllamaContext => ({
      id: uuidv7(),
      model: body.model ?? models.current(),
      requestId,
      now: () => new Date(),
    });
    const keepAliveMs = body.keep_alive ?? null;
    if (format.isEmpty(body)) {
      // Nothing begins that a key could join; one that is malformed is refused all the same.
      idempotencyKeyOf(req, scope);
      if (keepAliveMs === 0) await residency.unload();
      else {
        await residency.ready(signal);
        if (keepAliveMs !== null) residency.keepFor(keepAliveMs);
      }
      res.json(format.toNotice(toContext(), keepAliveMs === 0 ? 'unload' : 'load'));
      return;
    }
    const bounds = { contextLength: body.options.num_ctx ?? null, dropsMessages: body.truncate };
    try {
      const { told: context, events } = await joinRun(req, res, runs, async wanted => {
        const told = toContext();
        const drawn = format.toRequest(body, drawSeed());
        const fitted = await fitContext(worker, residency, drawn, bounds, wanted);
        const exchange = exchangeContextOf(scope, format.dialect);
        const written = generate({ id: told.id, ...fitted }, exchange, wanted);
        const toolFormat = (): string | null => worker.status().model?.tool_format ?? null;
        const reader = { format: toolFormat, exchangeId: told.id, isParallel: true };
        return {
          told,
          events: fitted.input.tools === undefined ? written : parseToolCalls(written, reader),
        };
      });
      const headers = { 'X-Exchange-Id': context.id };
      if (body.stream) {
        await sendStream(res, scope, events, format.toEncoder(context), { ...timeouts, headers });
      } else {
        const result = await collect(events);
        res.set(headers).json(format.toAnswer(context, result));
      }
    } finally {
      if (keepAliveMs !== null) residency.keepFor(keepAliveMs);
    }
  };
}
