// Keeps one worker alive: its states, its restarts, and what /health can tell about it. Knows no process details and
// no requests; who waits for a worker is the client's business.
import type { TokenRecorder } from '../domain/recorder.js';
import { AppError } from '../errors.js';
import type { Logger } from '../log.js';
import type { Channel } from './channel.js';
import { WorkerClient } from './client.js';
import { lastWords } from './exit-report.js';
import { type LifeEnd, type LifeListener, type LifeOptions, WorkerLife } from './life.js';
import { LoadingProgress } from './loading-progress.js';
import { MemoryBound } from './memory-bound.js';
import type { WorkerEmbedder, WorkerMessage, WorkerModel } from './protocol.js';
import { ProtocolFaults } from './protocol-faults.js';
import { RestartPolicy, SLOW_RETRY_MS } from './restart-policy.js';
import type { RunTimeouts } from './run.js';
import type { WorkerExit, WorkerState, WorkerStatus } from './worker.js';

export interface SupervisorOptions extends Omit<LifeOptions, 'faults'> {
  readonly runTimeouts: RunTimeouts;
  readonly recorder: TokenRecorder;
  /** Memory over which a ready worker is replaced as soon as it has nothing to do; null for no bound. */
  readonly maxRssBytes: number | null;
  /** Uniform in [0, 1): the jitter of restarts. */
  readonly random: () => number;
}

export class Supervisor implements LifeListener {
  readonly client: WorkerClient;
  readonly #options: SupervisorOptions;
  readonly #logger: Logger;
  readonly #faults: ProtocolFaults;
  readonly #policy: RestartPolicy;
  readonly #listeners = new Set<(status: WorkerStatus) => void>();
  readonly #loading: LoadingProgress;
  #state: WorkerState = 'starting';
  #life: WorkerLife | null = null;
  #lifeHandled: Promise<void> = Promise.resolve();
  #stopped: Promise<void> | null = null;
  /** The process is being ended, and that is no death. */
  #isUnloading = false;
  /** It took too much memory: it gets nothing new, and is replaced when it has finished what it has. */
  #isResting = false;
  readonly #memory: MemoryBound;
  #restartTimer: NodeJS.Timeout | undefined;
  #model: WorkerModel | null = null;
  #engine: string | null = null;
  #embedder: WorkerEmbedder | null = null;
  #slots = 0;
  #restarts = 0;
  #recycles = 0;
  #rssBytes: number | null = null;
  #lastExit: WorkerExit | null = null;
  #fault: string | null = null;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#logger = options.logger;
    this.#faults = new ProtocolFaults(options.logger);
    this.#loading = new LoadingProgress(options.logger);
    this.#policy = new RestartPolicy(options.random);
    this.#memory = new MemoryBound(options.maxRssBytes, options.logger);
    this.client = new WorkerClient({
      timeouts: options.runTimeouts,
      faults: this.#faults,
      recorder: options.recorder,
      replaceWorker: reason => this.#life?.kill(reason),
    });
  }

  start(): void {
    if (this.#life === null && this.#state === 'starting') this.#launch();
  }

  status(): WorkerStatus {
    return {
      state: this.#state,
      loading: this.#loading.current,
      model: this.#model,
      engine: this.#engine,
      embedder: this.#embedder,
      slots: this.#slots,
      pid: this.#life?.pid ?? null,
      restarts: this.#restarts,
      recycles: this.#recycles,
      running: this.client.running,
      rssBytes: this.#rssBytes,
      lastExit: this.#lastExit,
      fault: this.#fault,
      protocolFaults: this.#faults.counts(),
      upstream: null,
    };
  }

  onChange(listener: (status: WorkerStatus) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  load(): void {
    if (this.#state !== 'unloaded') return;
    this.#state = 'starting';
    // Two processes at once would need the memory of both.
    if (this.#isUnloading) this.#changed();
    else this.#launch();
  }

  async unload(): Promise<boolean> {
    if (this.#state !== 'ready' || this.#life === null || this.client.isBusy) return false;
    this.#state = 'unloaded';
    this.#isUnloading = true;
    this.client.detach();
    this.#logger.info('The model is unloaded; the next prompt loads it again.');
    this.#changed();
    await this.#life.stop('the model was unloaded');
    await this.#lifeHandled;
    return true;
  }

  /** Resolves when the child is reaped and every run has settled. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  kill(): void {
    this.#shutDown();
    this.#life?.kill('the gateway is stopping at once');
  }

  onLoading(message: Extract<WorkerMessage, { type: 'loading' }>): void {
    this.#loading.update(message);
    this.#changed();
  }

  onReady(message: Extract<WorkerMessage, { type: 'ready' }>, channel: Channel): void {
    if (this.#state === 'stopped') return;
    this.#loading.clear();
    this.#model = message.model;
    this.#engine = message.engine;
    this.#embedder = message.embedder;
    this.#slots = message.slots;
    this.#fault = null;
    this.#state = 'ready';
    this.#memory.begin();
    this.#logger.info('✅ Python model loaded.');
    this.client.connect(channel, message.slots);
    this.#changed();
  }

  onHeartbeat({ rss_bytes: rssBytes }: Extract<WorkerMessage, { type: 'heartbeat' }>): void {
    this.#rssBytes = rssBytes;
    if (this.#state === 'ready' && this.#memory.isExceededBy(rssBytes)) {
      this.#isResting = true;
      this.#state = 'restarting';
      this.client.rest();
      this.#changed();
    }
    this.#recycleWhenIdle();
  }

  onMessage(message: WorkerMessage, nowMs: number): void {
    if (message.type === 'done' && message.reason !== 'cancelled') this.#policy.onAnswer();
    this.client.onMessage(message, nowMs);
    this.#recycleWhenIdle();
  }

  onPermanentFault(fault: string): void {
    if (this.#state !== 'stopped' && !this.#isUnloading) this.#giveUp(fault);
  }

  onDoomed(): void {
    this.client.detach();
  }

  #recycleWhenIdle(): void {
    if (!this.#isResting || this.#state !== 'restarting' || this.client.isAtWork) return;
    this.#isResting = false;
    this.#isUnloading = true;
    this.#recycles += 1;
    this.client.detach();
    void this.#life?.stop('it took more memory than MINIVAULT_WORKER_MAX_RSS_BYTES');
  }

  #launch(): void {
    const { command, spawn, logger, loadSilenceTimeoutMs, silenceTimeoutMs, stopTimeoutMs } = this.#options;
    const life = new WorkerLife(
      {
        command,
        spawn,
        logger,
        loadSilenceTimeoutMs,
        silenceTimeoutMs,
        stopTimeoutMs,
        faults: this.#faults,
      },
      this,
    );
    this.#life = life;
    this.#lifeHandled = life.ended.then(end => this.#onEnd(end));
    this.#changed();
  }

  #onEnd({ exit, error, readyForMs, fault }: LifeEnd): void {
    this.#life = null;
    this.#rssBytes = null;
    this.#loading.clear();
    const wasUnloaded = this.#isUnloading;
    this.#isUnloading = false;
    this.#isResting = false;
    if (!wasUnloaded) this.#lastExit = exit;
    if (this.#state === 'stopped' || wasUnloaded) {
      this.client.disconnect(error);
      if (this.#state === 'starting' || this.#state === 'restarting') this.#launch();
      else this.#changed();
      return;
    }
    const { delayMs, isGivenUp } = this.#policy.onDeath(readyForMs, fault !== null, performance.now());
    this.#logger.warn(`The worker was lost: ${exit.reason}.`, { code: exit.code, signal: exit.signal });
    if (isGivenUp) this.#giveUp(fault ?? this.#circuitFault(exit));
    else this.#state = 'restarting';
    this.client.disconnect(error);
    this.#logger.info(`Starting the worker again in ${Math.round(delayMs)} ms.`);
    this.#restartTimer = setTimeout(() => {
      this.#restarts += 1;
      this.#launch();
    }, delayMs);
    this.#changed();
  }

  #circuitFault({ reason, stderr }: WorkerExit): string {
    const last = lastWords(stderr);
    return `The worker died again and again while loading, at last: ${reason}${last ? `: ${last}` : ''}.`;
  }

  #giveUp(fault: string): void {
    if (this.#fault !== fault) this.#logger.error(fault);
    this.#fault = fault;
    this.#state = 'failed';
    this.client.refuse(new AppError('model_unavailable', fault, { retryAfterMs: SLOW_RETRY_MS }));
    this.#changed();
  }

  #shutDown(): void {
    clearTimeout(this.#restartTimer);
    if (this.#state === 'stopped') return;
    this.#state = 'stopped';
    this.client.shutDown(new AppError('shutting_down', 'The server is shutting down.'));
    this.#changed();
  }

  async #stop(): Promise<void> {
    this.#shutDown();
    await this.#life?.stop('the gateway is stopping');
    await this.#lifeHandled;
  }

  #changed(): void {
    const status = this.status();
    for (const listener of [...this.#listeners]) listener(status);
  }
}
