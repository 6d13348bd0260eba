// GET /health (everything), /livez (the process), /readyz (may prompts be answered now).
import type { RequestHandler } from 'express';
import type { Backend, BackendStatus, UpstreamStatus } from '../backend/backend.js';
import type { AdminHealth, Health, UserHealth } from '../dialects/health.js';
import type { Caller } from '../domain/caller.js';
import { AppError } from '../errors.js';
import type { Admission } from '../generation/admission.js';
import { scopeOf } from '../http/request-scope.js';
import type { Limits, LimitsStatus } from '../limits/limits.js';
import type { ExchangeLogStatus } from '../store/exchange-log.js';
import type { Vault } from '../store/vault.js';

const LOADING_RETRY_AFTER_MS = 2_000;

export interface HealthParts {
  readonly worker: Pick<Backend, 'status'>;
  readonly admission: Pick<Admission, 'waiting' | 'running'>;
  readonly log: { status(): ExchangeLogStatus };
  readonly admin: { readonly audit: { status(): ExchangeLogStatus } };
  readonly vault: Pick<Vault, 'database' | 'status' | 'measure'>;
  readonly maxWaiting: number;
  readonly limits: Pick<Limits, 'status'>;
  readonly retrieval: { readonly topK: number; readonly threshold: number };
  readonly version: string;
  readonly isStopping: () => boolean;
}

function toPublicWorker(status: BackendStatus): UserHealth['worker'] {
  return {
    state: status.state,
    loading: status.loading && { ...status.loading },
    model: withoutDetails(status.model),
    engine: status.engine,
    embedder: withoutTokenizer(status.embedder),
    slots: status.slots,
  };
}

function toWireWorker(status: BackendStatus): AdminHealth['worker'] {
  const { lastExit } = status;
  return {
    ...toPublicWorker(status),
    fault: status.fault,
    pid: status.pid,
    running: status.running,
    restarts: status.restarts,
    recycles: status.recycles,
    rss_bytes: status.rssBytes,
    last_exit: lastExit && { ...lastExit },
    protocol_faults: status.protocolFaults,
  };
}

async function toWireVault({
  database,
  status,
  measure,
}: HealthParts['vault']): Promise<AdminHealth['vault']> {
  const { state, kind, fault, hasVectors } = database.status();
  const { indexed, lastIndexedAt, damaged, fault: indexFault } = status();
  return {
    state,
    kind,
    fault: fault ?? indexFault,
    vectors: hasVectors,
    indexed,
    last_indexed_at: lastIndexedAt?.toISOString() ?? null,
    behind_bytes:
      state === 'ready'
        ? await measure().then(
            ({ unreadBytes }) => unreadBytes,
            () => null,
          )
        : null,
    damaged,
  };
}

function toWireLimits({ counts, store, refused, redis }: LimitsStatus): AdminHealth['limits'] {
  return {
    enabled: counts,
    store,
    refused,
    redis: redis && { up: redis.isUp, fallbacks: redis.fallbacks, last_error: redis.lastError },
  };
}

/** What grounds an answer where a request does not say it. */
function toWireDocuments({ topK, threshold }: HealthParts['retrieval']): Health['documents'] {
  return { top_k: topK, threshold };
}

function toWireUpstream({
  url,
  lastSuccessAt,
  lastFailure,
  isDown,
}: UpstreamStatus): AdminHealth['upstream'] {
  return { url, is_down: isDown, last_success_at: lastSuccessAt, last_failure: lastFailure };
}

/** Its template alone is longer than all the rest; POST /api/show has it. */
function withoutDetails(model: BackendStatus['model']): UserHealth['worker']['model'] {
  if (model === null) return null;
  const { details: _, ...rest } = model;
  return rest;
}

/** Its path is nobody's business. */
function withoutTokenizer(embedder: BackendStatus['embedder']): UserHealth['worker']['embedder'] {
  if (embedder === null) return null;
  const { tokenizer: _, ...rest } = embedder;
  return rest;
}

/** One word for a person: `degraded` still answers prompts, but something needs a look. */
function overall(status: BackendStatus, isDegraded: boolean, stopping: boolean): Health['status'] {
  if (stopping) return 'stopping';
  if (status.state === 'failed' || status.state === 'stopped') return 'failed';
  if (status.state === 'unloaded') return 'unloaded';
  if (status.state !== 'ready') return 'loading';
  return isDegraded || status.upstream?.isDown ? 'degraded' : 'ok';
}

/** Why it does not work may name places and processes of this machine. */
function told(status: BackendStatus, { role }: Caller): BackendStatus {
  if (role === 'admin') return status;
  const { fault, upstream } = status;
  return {
    ...status,
    fault: fault && 'The model cannot be served; GET /health tells an admin’s key why.',
    upstream: upstream && { ...upstream, lastFailure: null },
  };
}

/** @throws AppError shutting_down, model_loading or model_unavailable when prompts are not answered now. */
function requireReady(status: BackendStatus, stopping: boolean): void {
  if (stopping)
    throw new AppError('shutting_down', 'The gateway is stopping.', { retryAfterMs: LOADING_RETRY_AFTER_MS });
  if (status.upstream?.isDown) {
    throw new AppError('model_unavailable', status.upstream.lastFailure?.message ?? 'The upstream is down.', {
      retryAfterMs: LOADING_RETRY_AFTER_MS,
    });
  }
  if (status.state === 'ready') return;
  if (status.state === 'failed' || status.state === 'stopped') {
    throw new AppError('model_unavailable', status.fault ?? 'The worker has stopped.', {
      retryAfterMs: 10 * LOADING_RETRY_AFTER_MS,
    });
  }
  if (status.state === 'unloaded') {
    throw new AppError('model_loading', 'The model is unloaded; a prompt loads it.', {
      retryAfterMs: LOADING_RETRY_AFTER_MS,
    });
  }
  const { loading } = status;
  const progress = loading === null ? '' : ` (${loading.stage} ${loading.done}/${loading.total})`;
  throw new AppError('model_loading', `The model is loading${progress}.`, {
    retryAfterMs: LOADING_RETRY_AFTER_MS,
  });
}

/** Always 200: the figures are what is asked for, also when something is wrong. An admin sees all of them. */
export function healthRoute(parts: HealthParts): RequestHandler {
  return async (_req, res) => {
    const worker = parts.worker.status();
    const log = parts.log.status();
    const audit = parts.admin.audit.status();
    const forEveryone = {
      status: overall(worker, log.degraded || audit.degraded, parts.isStopping()),
      version: parts.version,
      uptime_s: Math.round(process.uptime()),
      documents: toWireDocuments(parts.retrieval),
    };
    const queue = {
      waiting: parts.admission.waiting,
      running: parts.admission.running,
      max_waiting: parts.maxWaiting,
    };
    if (scopeOf(res).caller.role !== 'admin') {
      const answer: UserHealth = { ...forEveryone, ...publicParts(parts, worker, log), queue };
      res.json(answer);
      return;
    }
    const answer: AdminHealth = {
      ...forEveryone,
      worker: toWireWorker(worker),
      ...(worker.upstream === null ? {} : { upstream: toWireUpstream(worker.upstream) }),
      queue,
      log: toWireWriter(log),
      audit: toWireWriter(audit),
      vault: await toWireVault(parts.vault),
      limits: toWireLimits(parts.limits.status()),
    };
    res.json(answer);
  };
}

/** What tells a user whether it works: no words of the worker or the disk, no process, no place, no figure of others. */
function publicParts(
  { vault }: HealthParts,
  worker: BackendStatus,
  log: ExchangeLogStatus,
): Pick<UserHealth, 'worker' | 'log' | 'vault'> {
  const { state, hasVectors } = vault.database.status();
  return {
    worker: toPublicWorker(worker),
    log: { degraded: log.degraded },
    vault: { state, vectors: hasVectors },
  };
}

function toWireWriter({
  degraded,
  spooled,
  dropped,
  tornTails,
  lastError,
}: ExchangeLogStatus): AdminHealth['log'] {
  return { degraded, spooled, dropped, torn_tails: tornTails, last_error: lastError };
}

export const livezRoute: RequestHandler = (_req, res) => {
  res.json({ status: 'ok' });
};

export function readyzRoute(parts: Pick<HealthParts, 'worker' | 'isStopping'>): RequestHandler {
  return (_req, res) => {
    requireReady(told(parts.worker.status(), scopeOf(res).caller), parts.isStopping());
    res.json({ status: 'ready' });
  };
}
