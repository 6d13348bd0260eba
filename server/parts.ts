// Builds the parts, wires them and closes them again: the only place with `new` across folders.
import { readFileSync } from 'node:fs';
import type { Config } from './config.js';
import { AppError } from './errors.js';
import { Admission } from './generation/admission.js';
import { createGenerate, type Generate } from './generation/generate.js';
import { Jobs } from './generation/jobs.js';
import { Residency } from './generation/residency.js';
import { ResponsesStore } from './generation/responses-store.js';
import { createServedModels, type ServedModels } from './generation/served-models.js';
import { settlesWithin } from './generation/settles-within.js';
import type { ForeignPagesOptions } from './http/foreign-pages.js';
import type { StreamTimeouts } from './http/send.js';
import type { Logger } from './log.js';
import { type ExchangeLog, openExchangeLog } from './store/exchange-log.js';
import { createWorker, workerOptionsFrom } from './worker/create-worker.js';
import type { Worker, WorkerStatus } from './worker/worker.js';

const RETRY_WHEN_FAILED_MS = 60_000;
const RETRY_WHEN_STOPPING_MS = 5_000;
/** Once the worker is gone every run settles at once. */
const LAST_RUNS_TIMEOUT_MS = 1_000;

export interface Parts {
  readonly logger: Logger;
  readonly version: string;
  readonly maxWaiting: number;
  readonly timeouts: StreamTimeouts;
  readonly foreignPages: ForeignPagesOptions;
  readonly admission: Admission;
  readonly worker: Worker;
  readonly log: ExchangeLog;
  readonly generate: Generate;
  readonly jobs: Jobs;
  readonly models: ServedModels;
  readonly residency: Residency;
  readonly responses: ResponsesStore;
  readonly isStopping: () => boolean;
  /**
   * Refuses who waits and who comes; resolves when nothing runs any more. When the time is up first, the worker is
   * killed and what still ran ends with `shutting_down`.
   */
  drain(timeoutMs: number): Promise<void>;
  /** Stops the worker, then flushes the log. */
  close(): Promise<void>;
}

export async function createParts(config: Config, logger: Logger): Promise<Parts> {
  const log = await openExchangeLog({
    path: config.MINIVAULT_LOG_FILE,
    maxBytes: config.MINIVAULT_LOG_MAX_BYTES,
    fsync: config.MINIVAULT_LOG_FSYNC,
    logger,
  });
  const admission = new Admission({
    maxWaiting: config.MINIVAULT_QUEUE_MAX_WAITING,
    waitTimeoutMs: config.MINIVAULT_QUEUE_TIMEOUT_MS,
  });
  const worker = createWorker(workerOptionsFrom(config, logger));
  const generate = createGenerate({
    admission,
    worker,
    log,
    logger,
    queuedIntervalMs: config.MINIVAULT_HEARTBEAT_INTERVAL_MS,
  });
  const jobs = new Jobs({
    generate,
    resumeGraceMs: config.MINIVAULT_RESUME_GRACE_MS,
    maxStreams: config.MINIVAULT_STREAMS_MAX,
    loading: () => worker.status().loading,
    logger,
  });
  let stopping = false;
  const follow = (status: WorkerStatus): void => {
    if (!stopping) followWorker(admission, status);
  };
  worker.onChange(follow);
  const residency = new Residency({
    worker,
    admission,
    keepAliveMs: config.MINIVAULT_KEEP_ALIVE_MS ?? Number.POSITIVE_INFINITY,
  });
  worker.start();

  return {
    logger,
    version: readVersion(),
    maxWaiting: config.MINIVAULT_QUEUE_MAX_WAITING,
    timeouts: {
      heartbeatIntervalMs: config.MINIVAULT_HEARTBEAT_INTERVAL_MS,
      writeStallTimeoutMs: config.MINIVAULT_WRITE_STALL_TIMEOUT_MS,
    },
    foreignPages: {
      allowedHosts: config.MINIVAULT_ALLOWED_HOSTS ?? [],
      corsOrigins: config.MINIVAULT_CORS_ORIGINS ?? [],
    },
    admission,
    worker,
    log,
    generate,
    jobs,
    responses: new ResponsesStore(),
    models: createServedModels(
      () => worker.status().model?.id ?? config.MINIVAULT_MODEL,
      config.MINIVAULT_MODEL_ALIASES ?? [],
    ),
    residency,
    isStopping: () => stopping,
    drain: async timeoutMs => {
      stopping = true;
      const refusal = new AppError('shutting_down', 'The gateway is stopping.', {
        retryAfterMs: RETRY_WHEN_STOPPING_MS,
      });
      admission.refuse(refusal);
      jobs.close(refusal);
      if (!(await settlesWithin(admission.idle(), timeoutMs))) worker.kill();
    },
    close: async () => {
      stopping = true;
      await worker.stop();
      await settlesWithin(admission.idle(), LAST_RUNS_TIMEOUT_MS);
      await log.close();
    },
  };
}

/** The line moves only while a worker can take a prompt. */
function followWorker(admission: Admission, status: WorkerStatus): void {
  if (status.state === 'ready') admission.open(status.slots);
  else if (status.state === 'failed') {
    admission.refuse(
      new AppError('model_unavailable', status.fault ?? 'The worker failed.', {
        retryAfterMs: RETRY_WHEN_FAILED_MS,
      }),
    );
  } else admission.pause();
}

function readVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
