// POST /history/{id}/replay: the same request again, and whether the answer is the same.
import type { RequestHandler } from 'express';
import { v7 as uuidv7 } from 'uuid';
import { replayAnswer, replayBodySchema, replayQuerySchema } from '../dialects/replay.js';
import type { IdempotentRuns } from '../generation/idempotent-runs.js';
import { type ReplayParts, replay } from '../generation/replay.js';
import { ownerSeenBy } from '../http/access.js';
import { parseBody, parseWith } from '../http/body.js';
import { scopeOf } from '../http/request-scope.js';
import { fromLogLine } from '../store/log-line.js';
import { exchangeContextOf } from './exchange-context.js';
import { type HistoryRouteParts, requireExchange } from './history.js';
import { joinRun, onlyEvent, readOnlyEvent } from './joined-run.js';

export interface ReplayRouteParts extends HistoryRouteParts, ReplayParts {
  readonly runs: IdempotentRuns;
}

export function replayRoute(parts: ReplayRouteParts): RequestHandler<{ id: string }> {
  return async (req, res) => {
    const { force } = parseWith(replayQuerySchema, req.query);
    parseBody(req, replayBodySchema);
    const scope = scopeOf(res);
    const line = await requireExchange(parts, req.params.id, ownerSeenBy(scope.caller));
    const original = fromLogLine(line);
    const { told: id, events } = await joinRun(req, res, parts.runs, signal => {
      const replayId = uuidv7();
      const options = { id: replayId, context: exchangeContextOf(scope, 'replay'), isForced: force };
      return { told: replayId, events: onlyEvent(() => replay(parts, original, options, signal)) };
    });
    const compared = await readOnlyEvent(events);
    res.set('X-Exchange-Id', id).json(replayAnswer(compared, { id, original: original.id }));
  };
}
