// What a request that generates begins, or, when it was sent before with the same Idempotency-Key, joins.
import type { Request, Response } from 'express';
import type { IdempotentRuns } from '../generation/idempotent-runs.js';
import type { Begin, Begun } from '../generation/shared-run.js';
import { idempotencyKeyOf } from '../http/idempotency-key.js';
import { scopeOf } from '../http/request-scope.js';

/**
 * Tells by its header when the run was begun by another request.
 * @throws AppError invalid_request for a malformed key, idempotency_conflict, and what keeps a keyed run from beginning
 */
export async function joinRun<Told, Event>(
  req: Request,
  res: Response,
  runs: IdempotentRuns,
  begin: Begin<Told, Event>,
): Promise<Begun<Told, Event>> {
  const scope = scopeOf(res);
  const { told, events, isReplayed } = await runs.join(idempotencyKeyOf(req, scope), scope.signal, begin);
  if (isReplayed) res.setHeader('Idempotency-Replayed', 'true');
  return { told, events };
}

/** Work with one result, as a run with one event. */
export async function* onlyEvent<Result>(work: () => Promise<Result>): AsyncGenerator<readonly Result[]> {
  yield [await work()];
}

/** The result of such work. @throws what it throws */
export async function readOnlyEvent<Result>(events: AsyncIterable<readonly Result[]>): Promise<Result> {
  for await (const [result] of events) if (result !== undefined) return result;
  throw new Error('The work ended without its result');
}
