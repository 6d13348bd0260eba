// POST /v1/responses: a response streamed, whole, or in the background.
import type { RequestHandler, Response } from 'express';
import { v7 as uuidv7 } from 'uuid';
import type { Backend } from '../backend/backend.js';
import { type ResponseContext, toResponseId } from '../dialects/openai-responses.js';
import { type ResponsesBody, responsesBodySchema, toGeneration } from '../dialects/openai-responses-body.js';
import { createFrameEncoder, ResponseFold } from '../dialects/openai-responses-events.js';
import { toInputItems } from '../dialects/openai-responses-items.js';
import type { Message } from '../domain/generation.js';
import { AppError } from '../errors.js';
import { begin, foldFrames } from '../generation/fold-frames.js';
import { type Frame, FrameLog } from '../generation/frame-log.js';
import type { Generate } from '../generation/generate.js';
import type { BackgroundRun, KeptResponse, ResponsesStore } from '../generation/responses-store.js';
import type { ServedModels } from '../generation/served-models.js';
import { parseToolCalls } from '../generation/tool-calls.js';
import { parseBody } from '../http/body.js';
import { scopeOf } from '../http/request-scope.js';
import { type StreamTimeouts, sendStream } from '../http/send.js';
import { exchangeContextOf } from './exchange-context.js';
import { requireResponse } from './openai-stored-responses.js';
import { drawSeed } from './seed.js';

export interface ResponsesRouteParts {
  readonly generate: Generate;
  readonly timeouts: StreamTimeouts;
  readonly models: ServedModels;
  readonly worker: Pick<Backend, 'status'>;
  readonly responses: ResponsesStore;
}

export function createResponseRoute(parts: ResponsesRouteParts): RequestHandler {
  const { generate, timeouts, models, worker, responses } = parts;
  return async (req, res) => {
    const scope = scopeOf(res);
    const body = parseBody(req, responsesBodySchema);
    models.requireServed(body.model ?? undefined);
    const { id, requestId } = { id: uuidv7(), requestId: scope.requestId };
    const { reading, conversation, ...asked } = toGeneration(
      body,
      formerConversation(body, responses, res),
      drawSeed(),
    );
    const context: ResponseContext = {
      id,
      model: models.current(),
      requestId,
      createdAt: new Date(),
      now: () => new Date(),
      body,
      sampling: asked.sampling,
    };
    const fold = new ResponseFold(context);
    const leaving = new AbortController();
    const generated = generate(
      { id, ...asked },
      { ...exchangeContextOf(scope, 'openai-responses'), chatId: body.chat_id?.toLowerCase() ?? null },
      body.background === true ? leaving.signal : scope.signal,
    );
    const format = (): string | null =>
      reading === 'bare' ? 'bare' : (worker.status().model?.tool_format ?? null);
    const isParallel = body.parallel_tool_calls ?? true;
    const events =
      reading === 'none' ? generated : parseToolCalls(generated, { format, exchangeId: id, isParallel });
    const frames = await begin(foldFrames(events, fold));
    const background = body.background === true ? runInBackground(frames, leaving) : null;
    const kept = toKept(fold, context, { caller: scope.caller.name, conversation, background });
    const keep = (): void => {
      if (body.store !== false) responses.put(kept);
    };
    const recount = (): void => {
      if (responses.has(kept.id)) responses.put(kept);
    };
    void background?.ended.then(recount);

    res.setHeader('X-Exchange-Id', id);
    if (body.stream === true) {
      keep();
      const stream = background?.frames.read(-1, scope.signal) ?? frames;
      await sendStream(
        res,
        scope,
        stream,
        createFrameEncoder(error => fold.fail(error)),
        timeouts,
      );
      recount();
      return;
    }
    if (background === null) {
      for await (const _ of frames);
      if (fold.error) throw fold.error;
    }
    keep();
    res.json(fold.whole());
  };
}

/** @throws AppError response_not_found; invalid_request for one that has not come to its end */
function formerConversation(
  { previous_response_id: id }: ResponsesBody,
  responses: ResponsesStore,
  res: Response,
): readonly Message[] {
  if (id == null) return [];
  const former = requireResponse(responses, res, { id, param: 'previous_response_id' });
  if (former.isWhole) return former.conversation();
  const why = former.isEnded ? 'failed or was cancelled' : 'is still being written';
  throw new AppError('invalid_request', `Response "${id}" ${why}: nothing can go on from it.`, {
    param: 'previous_response_id',
  });
}

function runInBackground(source: AsyncIterable<readonly Frame[]>, leaving: AbortController): BackgroundRun {
  const frames = new FrameLog();
  const run = async (): Promise<void> => {
    for await (const batch of source) frames.append(batch);
    frames.end();
  };
  return { frames, cancel: () => leaving.abort(), ended: run() };
}

function toKept(
  fold: ResponseFold,
  { id, body }: ResponseContext,
  {
    caller,
    conversation,
    background,
  }: Pick<KeptResponse, 'caller' | 'background'> & {
    readonly conversation: readonly Message[];
  },
): KeptResponse {
  return {
    id: toResponseId(id),
    caller,
    get isEnded() {
      return fold.isEnded;
    },
    get isWhole() {
      return fold.status === 'completed' || fold.status === 'incomplete';
    },
    whole: () => fold.whole(),
    inputItems: toInputItems(body.input, id),
    conversation: () => [...conversation, ...fold.toMessages()],
    background,
  };
}
