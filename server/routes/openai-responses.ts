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
import type { IdempotentRuns } from '../generation/idempotent-runs.js';
import type { BackgroundRun, KeptResponse, ResponsesStore } from '../generation/responses-store.js';
import type { ServedModels } from '../generation/served-models.js';
import type { Begun } from '../generation/shared-run.js';
import { parseToolCalls } from '../generation/tool-calls.js';
import { parseBody } from '../http/body.js';
import { scopeOf } from '../http/request-scope.js';
import { type StreamTimeouts, sendStream } from '../http/send.js';
import { exchangeContextOf } from './exchange-context.js';
import { joinRun } from './joined-run.js';
import { requireResponse } from './openai-stored-responses.js';
import { drawSeed } from './seed.js';

export interface ResponsesRouteParts {
  readonly generate: Generate;
  readonly runs: IdempotentRuns;
  readonly timeouts: StreamTimeouts;
  readonly models: ServedModels;
  readonly worker: Pick<Backend, 'status'>;
  readonly responses: ResponsesStore;
}

export function createResponseRoute(parts: ResponsesRouteParts): RequestHandler {
  const { runs, timeouts, models } = parts;
  return async (req, res) => {
    const scope = scopeOf(res);
    const body = parseBody(req, responsesBodySchema);
    models.requireServed(body.model ?? undefined);
    const { told, events } = await joinRun(req, res, runs, signal => beginResponse(parts, res, body, signal));
    const { id, fold, background } = told;
    res.setHeader('X-Exchange-Id', id);
    if (body.stream === true) {
      // What goes wrong with a reader is not the response's.
      const encoder = createFrameEncoder(() => []);
      await sendStream(res, scope, events, encoder, timeouts);
      return;
    }
    if (background === null) {
      for await (const _ of events);
      if (fold.error) throw fold.error;
    }
    res.json(fold.whole());
  };
}

interface ResponseTold {
  readonly id: string;
  readonly fold: ResponseFold;
  readonly background: BackgroundRun | null;
}

async function beginResponse(
  { generate, models, worker, responses }: ResponsesRouteParts,
  res: Response,
  body: ResponsesBody,
  signal: AbortSignal,
): Promise<Begun<ResponseTold, Frame>> {
  const scope = scopeOf(res);
  const id = uuidv7();
  const former = formerConversation(body, responses, res);
  const { reading, conversation, ...asked } = toGeneration(body, former, drawSeed());
  const context: ResponseContext = {
    id,
    model: models.current(),
    requestId: scope.requestId,
    createdAt: new Date(),
    now: () => new Date(),
    body,
    sampling: asked.sampling,
  };
  const fold = new ResponseFold(context);
  const leaving = new AbortController();
  const isBackground = body.background === true;
  const generated = generate(
    { id, ...asked },
    { ...exchangeContextOf(scope, 'openai-responses'), chatId: body.chat_id?.toLowerCase() ?? null },
    isBackground ? leaving.signal : signal,
  );
  const format = (): string | null =>
    reading === 'bare' ? 'bare' : (worker.status().model?.tool_format ?? null);
  const reader = { format, exchangeId: id, isParallel: body.parallel_tool_calls ?? true };
  const source = foldFrames(reading === 'none' ? generated : parseToolCalls(generated, reader), fold);
  const frames = await begin(source);
  const background = isBackground ? runInBackground(frames, leaving) : null;
  const kept = toKept(fold, context, { caller: scope.caller.name, conversation, background });
  const keep = (): void => {
    if (body.store !== false) responses.put(kept);
  };
  const recount = (): void => {
    if (responses.has(kept.id)) responses.put(kept);
  };
  void background?.ended.then(recount);
  try {
    if (isBackground || body.stream === true) keep();
  } catch (error) {
    // It has begun, and nobody will read it: its slot would never be free again.
    leaving.abort();
    await source.return(undefined);
    throw error;
  }
  // A whole one is kept when it is there, and only if it has not failed.
  const onEnd = (): void => {
    if (body.stream === true) recount();
    else if (fold.error === null) keep();
  };
  return {
    told: { id, fold, background },
    events: background?.frames.read(-1, signal) ?? endingIn(frames, onEnd),
    isDetached: isBackground,
    failure: () => fold.error,
  };
}

async function* endingIn(
  frames: AsyncIterable<readonly Frame[]>,
  onEnd: () => void,
): AsyncGenerator<readonly Frame[]> {
  try {
    yield* frames;
  } finally {
    onEnd();
  }
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
