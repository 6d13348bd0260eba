// Builds the parts, wires them and closes them again: the only place with `new` across folders.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createDoorkeeper, type Doorkeeper } from './access/doorkeeper.js';
import { type Admin, createAdmin } from './admin.js';
import type { Backend, BackendStatus } from './backend/backend.js';
import { createBackends, followBackend } from './backends.js';
import type { Config } from './config.js';
import { AppError } from './errors.js';
import { Admission } from './generation/admission.js';
import { createEmbed, EMBED_SLOTS } from './generation/embed.js';
import { createEmbedder } from './generation/embedder.js';
import { createGenerate, type Generate } from './generation/generate.js';
import { createGround } from './generation/ground.js';
import { IdempotentRuns } from './generation/idempotent-runs.js';
import { Jobs } from './generation/jobs.js';
import { type EmbedFor, limitEmbed, limitGenerate } from './generation/limited.js';
import { LiveExchanges } from './generation/live-exchanges.js';
import { QueueBoard } from './generation/queue-board.js';
import { Residency } from './generation/residency.js';
import { ResponsesStore } from './generation/responses-store.js';
import { createServedModels, type ServedModels } from './generation/served-models.js';
import { settlesWithin } from './generation/settles-within.js';
import type { ForeignPagesOptions } from './http/foreign-pages.js';
import { openPage, type Page } from './http/page.js';
import type { StreamTimeouts } from './http/send.js';
import type { Limits } from './limits/limits.js';
import { openLimits } from './limits/open-limits.js';
import { type FolderLock, HeldError, lockFolder } from './locks/folder-lock.js';
import type { Logger } from './log.js';
import { createObservation, type Observation } from './observation.js';
import { ExchangeBacklog } from './retrieval/exchange-backlog.js';
import { createRetrieval, type Retrieval } from './retrieval/retrieval.js';
import { createSearchExchanges, type SearchExchanges } from './retrieval/search-exchanges.js';
import { type Chats, createChats } from './store/chats.js';
import { createExchangeHistory, type ExchangeHistory } from './store/exchange-history.js';
import { type ExchangeLog, openExchangeLog } from './store/exchange-log.js';
import { createExchangeVectors } from './store/exchange-vectors.js';
import { openVault, type Vault } from './store/vault.js';

const RETRY_WHEN_STOPPING_MS = 5_000;
/** Once the worker is gone every run settles at once. */
const LAST_RUNS_TIMEOUT_MS = 1_000;

export interface Parts {
  readonly logger: Logger;
  readonly version: string;
  readonly maxWaiting: number;
  readonly timeouts: StreamTimeouts;
  readonly foreignPages: ForeignPagesOptions;
  /** Null where the page was not built. */
  readonly page: Page | null;
  /** Whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly string[];
  /** Who may ask. */
  readonly doorkeeper: Doorkeeper;
  readonly admin: Admin;
  readonly admission: Admission;
  /** The line of texts that are to be embedded. */
  readonly embedAdmission: Admission;
  /** Whatever answers prompts: a worker of this machine or another server. */
  readonly worker: Backend;
  readonly log: ExchangeLog;
  readonly vault: Vault;
  readonly history: ExchangeHistory;
  readonly chats: Chats;
  readonly generate: Generate;
  readonly jobs: Jobs;
  /** Those that an Idempotency-Key began. */
  readonly runs: IdempotentRuns;
  /** The line as it may be seen. */
  readonly board: QueueBoard;
  readonly models: ServedModels;
  readonly residency: Residency;
  readonly responses: ResponsesStore;
  readonly embed: EmbedFor;
  readonly limits: Limits;
  /** Names of the embedder; there may be none, which `worker.status().embedder` tells once the worker is ready. */
  readonly embedders: ServedModels;
  /** Documents: to add and to find. */
  readonly retrieval: Retrieval;
  readonly searchExchanges: SearchExchanges;
  readonly metrics: Observation['metrics'];
  readonly observers: Observation['observers'];
  readonly isStopping: () => boolean;
  /**
   * Refuses who waits and who comes; resolves when nothing runs any more. When the time is up first, the worker is
   * killed and what still ran ends with `shutting_down`.
   */
  drain(timeoutMs: number): Promise<void>;
  /** Stops the worker, flushes the log, puts what is new in it into the database and closes that. */
  close(): Promise<void>;
}

/**
 * @throws ConfigError when no log can be written, keys cannot be read or anybody could ask; HeldError when another process has the log or the embedded database.
 */
export async function createParts(config: Config, logger: Logger): Promise<Parts> {
  const doorkeeper = createDoorkeeper(config, logger);
  const version = readVersion();
  const observation = await createObservation(config, version, logger);
  const { metrics, observers } = observation;
  const { recorder } = metrics;
  const lock = lockLog(config.MINIVAULT_LOG_FILE, logger);
  const log = await openExchangeLog({
    path: config.MINIVAULT_LOG_FILE,
    maxBytes: config.MINIVAULT_LOG_MAX_BYTES,
    fsync: config.MINIVAULT_LOG_FSYNC,
    logger,
  });
  const admin = await createAdmin(config, doorkeeper.keys, logger);
  const limits = await openLimits(config, logger, recorder);
  const vault = openVault({
    isOn: config.MINIVAULT_VAULT === 'on',
    url: config.DATABASE_URL,
    folder: path.join(config.MINIVAULT_DATA_DIR, 'vault'),
    language: config.MINIVAULT_LANGUAGE,
    retention: {
      maxDays: config.MINIVAULT_RETENTION_DAYS,
      maxBytes: config.MINIVAULT_RETENTION_MAX_BYTES,
    },
    logPath: config.MINIVAULT_LOG_FILE,
    log,
    logger,
  });
  const line = {
    maxWaiting: config.MINIVAULT_QUEUE_MAX_WAITING,
    waitTimeoutMs: config.MINIVAULT_QUEUE_TIMEOUT_MS,
  };
  const admission = new Admission(line);
  const embedAdmission = new Admission(line);
  const { prompts: worker, texts, ...expected } = createBackends(config, logger, recorder);
  const embed = createEmbed({ admission: embedAdmission, worker: texts, recorder });
  const embedFor = limitEmbed(embed, limits);
  const embedder = createEmbedder({ embed, embedFor, worker: texts });
  const { database } = vault;
  const retrieval = createRetrieval({ config, database, embedder, logger });
  const live = new LiveExchanges();
  const generateAtOnce = createGenerate({
    admission,
    live,
    worker,
    ground: createGround({
      documents: config.MINIVAULT_VAULT === 'on' ? retrieval.documents : null,
      worker,
      defaults: retrieval,
      logger,
    }),
    log,
    logger,
    recorder,
    queuedIntervalMs: config.MINIVAULT_HEARTBEAT_INTERVAL_MS,
    generationTimeoutMs: config.MINIVAULT_GENERATION_TIMEOUT_MS,
    limits,
  });
  const generate = limitGenerate(generateAtOnce, limits);
  const runs = new IdempotentRuns({ graceMs: config.MINIVAULT_RESUME_GRACE_MS });
  const board = new QueueBoard({
    admission,
    worker,
    live,
    maxWatchers: config.MINIVAULT_STREAMS_MAX,
    maxWatchersOfCaller: config.MINIVAULT_STREAMS_PER_KEY_MAX,
  });
  const jobs = new Jobs({
    generate,
    resumeGraceMs: config.MINIVAULT_RESUME_GRACE_MS,
    maxStreams: config.MINIVAULT_STREAMS_MAX,
    maxStreamsOfCaller: config.MINIVAULT_STREAMS_PER_KEY_MAX,
    loading: () => worker.status().loading,
    logger,
    recorder,
  });
  let stopping = false;
  const follow = (status: BackendStatus): void => {
    if (stopping) return;
    followBackend(admission, status, status.slots);
    followBackend(embedAdmission, texts.status(), EMBED_SLOTS);
  };
  worker.onChange(follow);
  const residency = new Residency({
    worker,
    lines: [admission, embedAdmission],
    keepAliveMs: config.MINIVAULT_KEEP_ALIVE_MS ?? Number.POSITIVE_INFINITY,
  });
  const model = (): string => worker.status().model?.id ?? expected.expectedModel;
  observation.watch({ model, worker, admission, embedAdmission, log, vault });
  worker.start();

  const vectors = createExchangeVectors(database);
  const backlog = new ExchangeBacklog({
    vectors,
    embedder,
    hasVectors: () => database.status().state === 'ready' && database.status().hasVectors,
    isIdle: () => admission.isQuiet,
    // What was asked in private is not sent away unasked, and an unloaded model is not started for this.
    isFree: () => !config.USE_OPENAI_EMBEDDINGS && embedAdmission.isQuiet && texts.status().state === 'ready',
    logger,
  });
  return {
    logger,
    version,
    maxWaiting: config.MINIVAULT_QUEUE_MAX_WAITING,
    timeouts: {
      heartbeatIntervalMs: config.MINIVAULT_HEARTBEAT_INTERVAL_MS,
      writeStallTimeoutMs: config.MINIVAULT_WRITE_STALL_TIMEOUT_MS,
    },
    page: openPage(),
    foreignPages: {
      allowedHosts: config.MINIVAULT_ALLOWED_HOSTS ?? [],
      corsOrigins: config.MINIVAULT_CORS_ORIGINS ?? [],
    },
    trustedProxies: config.MINIVAULT_TRUST_PROXY ?? [],
    doorkeeper,
    admin,
    admission,
    embedAdmission,
    worker,
    log,
    vault,
    history: createExchangeHistory(vault.database),
    chats: createChats(vault.database),
    generate,
    jobs,
    runs,
    board,
    responses: new ResponsesStore(),
    models: createServedModels(model, config.MINIVAULT_MODEL_ALIASES ?? []),
    residency,
    metrics,
    limits,
    embed: embedFor,
    observers,
    retrieval,
    searchExchanges: createSearchExchanges({ database, vectors, embedder }),
    embedders: createServedModels(
      () => worker.status().embedder?.id ?? expected.expectedEmbedder,
      [...expected.embedderAliases, ...(config.MINIVAULT_MODEL_ALIASES ?? [])],
    ),
    isStopping: () => stopping,
    drain: async timeoutMs => {
      stopping = true;
      const refusal = new AppError('shutting_down', 'The gateway is stopping.', {
        retryAfterMs: RETRY_WHEN_STOPPING_MS,
      });
      const backlogEnd = backlog.close();
      admission.refuse(refusal);
      jobs.close(refusal);
      runs.close();
      board.close(refusal);
      embedAdmission.refuse(refusal);
      const idle = Promise.all([admission.idle(), embedAdmission.idle(), backlogEnd]).then(() => {});
      if (!(await settlesWithin(idle, timeoutMs))) worker.kill();
    },
    close: async () => {
      stopping = true;
      await worker.stop();
      await backlog.close();
      await settlesWithin(admission.idle(), LAST_RUNS_TIMEOUT_MS);
      await limits.close();
      await log.close();
      await admin.close();
      await vault.close();
      doorkeeper.close();
      await observation.close();
      lock?.release();
    },
  };
}

/**
 * Two gateways that wrote one log would mend, rotate and erase under each other. A disk that takes no lock, as one that
 * is full, is no reason not to start.
 */
function lockLog(file: string, logger: Logger): FolderLock | null {
  try {
    return lockFolder(file);
  } catch (error) {
    if (error instanceof HeldError) throw error;
    logger.warn('The log could not be locked', { error: String(error) });
    return null;
  }
}

function readVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
