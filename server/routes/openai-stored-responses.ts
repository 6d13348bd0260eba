// Kept responses: GET and DELETE /v1/responses/{id}, POST …/cancel, GET …/input_items.
import type { RequestHandler, Response } from 'express';
import { createFrameEncoder } from '../dialects/openai-responses-events.js';
import {
  inputItemsAnswer,
  inputItemsQuerySchema,
  retrieveQuerySchema,
} from '../dialects/openai-stored-responses.js';
import { AppError } from '../errors.js';
import type { KeptResponse, ResponsesStore } from '../generation/responses-store.js';
import { ownerSeenBy } from '../http/access.js';
import { parseWith } from '../http/body.js';
import { scopeOf } from '../http/request-scope.js';
import { type StreamTimeouts, sendStream } from '../http/send.js';

export interface StoredResponsesRouteParts {
  readonly responses: ResponsesStore;
  readonly timeouts: StreamTimeouts;
}

type OfOne = RequestHandler<{ id: string }>;

const PARAM = 'response_id';

/** @param param where the id came from @throws AppError response_not_found, also for another caller's */
export function requireResponse(
  responses: ResponsesStore,
  res: Response,
  { id, param }: { readonly id: string; readonly param: string },
): KeptResponse {
  const found = responses.get(id, ownerSeenBy(scopeOf(res).caller));
  if (found) return found;
  throw new AppError(
    'response_not_found',
    `Response "${id}" is not kept: it never was, was deleted, or made room for newer ones.`,
    { param },
  );
}

/** As it is now; with ?stream=true its events, from any number on, and those to come. */
export function retrieveResponseRoute({ responses, timeouts }: StoredResponsesRouteParts): OfOne {
  return async (req, res) => {
    const query = parseWith(retrieveQuerySchema, req.query);
    const found = requireResponse(responses, res, { id: req.params.id, param: PARAM });
    if (query.stream !== 'true') {
      res.json(found.whole());
      return;
    }
    if (found.background === null) {
      throw new AppError('invalid_request', 'Only a response made in the background can be streamed again.', {
        param: 'stream',
      });
    }
    const { frames } = found.background;
    const after = query.starting_after ?? -1;
    if (found.isEnded && after >= frames.length - 1) {
      throw new AppError(
        'invalid_request',
        `The last event of this response is number ${frames.length - 1}.`,
        {
          param: 'starting_after',
        },
      );
    }
    const scope = scopeOf(res);
    await sendStream(
      res,
      scope,
      frames.read(after, scope.signal),
      createFrameEncoder(() => []),
      timeouts,
    );
  };
}

/** One that still runs is cancelled. */
export function deleteResponseRoute({ responses }: StoredResponsesRouteParts): OfOne {
  return (req, res) => {
    const { id, background } = requireResponse(responses, res, { id: req.params.id, param: PARAM });
    responses.delete(id);
    background?.cancel();
    res.json({ id, object: 'response', deleted: true });
  };
}

/** Answers when the model has let go of it; one that has ended stays as it is. */
export function cancelResponseRoute({ responses }: StoredResponsesRouteParts): OfOne {
  return async (req, res) => {
    const found = requireResponse(responses, res, { id: req.params.id, param: PARAM });
    if (found.background === null) {
      throw new AppError('invalid_request', 'Only a response made in the background can be cancelled.', {
        param: 'response_id',
      });
    }
    found.background.cancel();
    await found.background.ended;
    res.json(found.whole());
  };
}

export function inputItemsRoute({ responses }: StoredResponsesRouteParts): OfOne {
  return (req, res) => {
    const query = parseWith(inputItemsQuerySchema, req.query);
    const { inputItems } = requireResponse(responses, res, { id: req.params.id, param: PARAM });
    res.json(inputItemsAnswer(inputItems, query));
  };
}
