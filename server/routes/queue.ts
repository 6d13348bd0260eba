// GET /v1/queue, GET /v1/queue/events and DELETE /v1/queue/{id}: the line, seen and left by name.
import type { RequestHandler } from 'express';
import { createQueueEncoder, queueCancelled, queueIdSchema, toWireQueue } from '../dialects/queue.js';
import { AppError } from '../errors.js';
import type { QueueBoard } from '../generation/queue-board.js';
import { parseWith } from '../http/body.js';
import { scopeOf } from '../http/request-scope.js';
import { type StreamTimeouts, sendStream } from '../http/send.js';

export interface QueueRouteParts {
  readonly board: QueueBoard;
  readonly timeouts: StreamTimeouts;
}

export function queueRoute({ board }: Pick<QueueRouteParts, 'board'>): RequestHandler {
  return (_req, res) => {
    res.set('Cache-Control', 'no-store').json(toWireQueue(board.snapshot(scopeOf(res).caller)));
  };
}

export function queueEventsRoute({ board, timeouts }: QueueRouteParts): RequestHandler {
  return async (_req, res) => {
    const scope = scopeOf(res);
    const events = board.watch(scope.caller, scope.signal);
    await sendStream(res, scope, events, createQueueEncoder(scope.requestId), timeouts);
  };
}

/** Another's is as unknown as one that has ended. */
export function leaveQueueRoute({ board }: Pick<QueueRouteParts, 'board'>): RequestHandler {
  return (req, res) => {
    const { id } = parseWith(queueIdSchema, { ...req.params });
    if (!board.cancel(id, scopeOf(res).caller)) {
      throw new AppError('exchange_not_found', `No exchange "${id}" waits or runs.`, { param: 'id' });
    }
    res.json(queueCancelled(id));
  };
}
