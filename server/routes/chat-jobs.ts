// The two-step chat (contract C): a client opens its stream, then submits jobs that are answered on it.
import type { Request, RequestHandler } from 'express';
import { v7 as uuidv7 } from 'uuid';
import {
  clientPathSchema,
  clientQuerySchema,
  parsePoint,
  submitBodySchema,
  toGeneration,
} from '../dialects/job-body.js';
import { createJobSseEncoder } from '../dialects/job-sse.js';
import { SSE_CONTENT_TYPE } from '../dialects/sse-frame.js';
import type { JobPoint } from '../domain/job.js';
import { AppError } from '../errors.js';
import type { IdempotentRuns } from '../generation/idempotent-runs.js';
import type { ConnectOptions, Jobs } from '../generation/jobs.js';
import type { ServedModels } from '../generation/served-models.js';
import { ownerSeenBy } from '../http/access.js';
import { parseBody, parseWith } from '../http/body.js';
import { scopeOf } from '../http/request-scope.js';
import { type StreamTimeouts, sendStream } from '../http/send.js';
import { exchangeContextOf } from './exchange-context.js';
import { joinRun, onlyEvent, readOnlyEvent } from './joined-run.js';
import { drawSeed } from './seed.js';

export interface ChatJobsRouteParts {
  readonly jobs: Jobs;
  readonly timeouts: StreamTimeouts;
  readonly models: Pick<ServedModels, 'current'>;
}

/** A point of no job, for a header that is no event's id: a browser must not be refused for good because of it. */
const UNREADABLE: JobPoint = { jobId: '', seq: 0 };

/** The header goes before the query: an EventSource comes back with its first address and a newer header. */
function pointOf(req: Request): Pick<ConnectOptions, 'point' | 'isExplicit'> {
  const { from, last_event_id: inQuery } = parseWith(clientQuerySchema, { ...req.query });
  const inHeader = req.get('last-event-id') ?? '';
  if (from !== undefined) return { point: parsePoint(inHeader) ?? parsePoint(from), isExplicit: true };
  if (inHeader !== '') return { point: parsePoint(inHeader) ?? UNREADABLE, isExplicit: false };
  return { point: inQuery === undefined ? null : parsePoint(inQuery), isExplicit: false };
}

export function clientStreamRoute({ jobs, timeouts, models }: ChatJobsRouteParts): RequestHandler {
  return async (req, res) => {
    const { client_id: clientId } = parseWith(clientPathSchema, { ...req.params });
    const scope = scopeOf(res);
    const options = { caller: scope.caller.name, ...pointOf(req) };
    if (options.isExplicit && !jobs.hasMore(clientId, options)) {
      res.status(204).end();
      return;
    }
    // To connect would end the stream of who listens as this client.
    if (req.method === 'HEAD') {
      res.type(SSE_CONTENT_TYPE).end();
      return;
    }
    const events = jobs.connect(clientId, options, scope.signal);
    const encoder = createJobSseEncoder({ model: models.current(), requestId: scope.requestId });
    await sendStream(res, scope, events, encoder, timeouts);
  };
}

export function leaveRoute({ jobs }: Pick<ChatJobsRouteParts, 'jobs'>): RequestHandler {
  return (req, res) => {
    const { client_id: clientId } = parseWith(clientPathSchema, { ...req.params });
    if (!jobs.giveUp(clientId, ownerSeenBy(scopeOf(res).caller))) {
      throw new AppError('client_not_connected', `There is no client "${clientId}".`, { param: 'client_id' });
    }
    res.status(204).end();
  };
}

export interface SubmitRouteParts extends Pick<ChatJobsRouteParts, 'jobs'> {
  readonly runs: IdempotentRuns;
}

export function submitRoute({ jobs, runs }: SubmitRouteParts): RequestHandler {
  return async (req, res) => {
    const body = parseBody(req, submitBodySchema);
    const { told: id, events } = await joinRun(req, res, runs, () => {
      const jobId = uuidv7();
      const request = { id: jobId, ...toGeneration(body, drawSeed()) };
      const context = exchangeContextOf(scopeOf(res), 'job-sse');
      return { told: jobId, events: onlyEvent(() => jobs.submit(body.client_id, request, context)) };
    });
    const { position } = await readOnlyEvent(events);
    res.status(202).set('X-Exchange-Id', id).json({ job_id: id, status: 'queued', position });
  };
}
