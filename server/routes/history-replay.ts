// POST /history/{id}/replay: the same request again, and whether the answer is the same.
import type { RequestHandler } from 'express';
import { v7 as uuidv7 } from 'uuid';
import { replayAnswer, replayBodySchema, replayQuerySchema } from '../dialects/replay.js';
import { type ReplayParts, replay } from '../generation/replay.js';
import { ownerSeenBy } from '../http/access.js';
import { parseBody, parseWith } from '../http/body.js';
import { scopeOf } from '../http/request-scope.js';
import { fromLogLine } from '../store/log-line.js';
import { exchangeContextOf } from './exchange-context.js';
import { type HistoryRouteParts, requireExchange } from './history.js';

export function replayRoute(parts: HistoryRouteParts & ReplayParts): RequestHandler<{ id: string }> {
  return async (req, res) => {
    const { force } = parseWith(replayQuerySchema, req.query);
    parseBody(req, replayBodySchema);
    const scope = scopeOf(res);
    const line = await requireExchange(parts, req.params.id, ownerSeenBy(scope.caller));
    const original = fromLogLine(line);
    const id = uuidv7();
    const compared = await replay(
      parts,
      original,
      { id, context: exchangeContextOf(scope, 'replay'), isForced: force },
      scope.signal,
    );
    res.set('X-Exchange-Id', id).json(replayAnswer(compared, { id, original: original.id }));
  };
}
