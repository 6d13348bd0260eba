// Puts the worker together, and reads from the settings what it needs. Knows no requests.
import path from 'node:path';
import { type Config, inheritedEnvironment } from '../config.js';
import type { TokenRecorder } from '../domain/recorder.js';
import type { Logger } from '../log.js';
import type { WorkerClient } from './client.js';
import { workerEnvironment } from './environment.js';
import { type SpawnWorker, spawnWorker, type WorkerCommand } from './process.js';
import { Supervisor } from './supervisor.js';
import type { Worker } from './worker.js';

/** Where a relative model or folder is looked for. */
export const REPOSITORY_DIR = path.resolve(import.meta.dirname, '../..');

/** All times in milliseconds; what each bounds is told where config.ts describes the setting of that name. */
export interface WorkerOptions {
  readonly command: WorkerCommand;
  readonly loadSilenceTimeoutMs: number;
  readonly silenceTimeoutMs: number;
  readonly firstTokenTimeoutMs: number;
  readonly tokenGapTimeoutMs: number;
  readonly stopTimeoutMs: number;
  /** Null, which is the default, for no bound. */
  readonly maxRssBytes?: number | null;
  readonly logger: Logger;
  readonly recorder: TokenRecorder;
  /** For tests: how a process is made, and the jitter of restarts, uniform in [0, 1). */
  readonly spawn?: SpawnWorker;
  readonly random?: () => number;
}

/** Nothing runs before `start`. */
export function createWorker(options: WorkerOptions): Worker {
  const { command, loadSilenceTimeoutMs, silenceTimeoutMs, stopTimeoutMs, logger } = options;
  const supervisor = new Supervisor({
    command,
    loadSilenceTimeoutMs,
    silenceTimeoutMs,
    stopTimeoutMs,
    logger,
    recorder: options.recorder,
    spawn: options.spawn ?? spawnWorker,
    random: options.random ?? Math.random,
    maxRssBytes: options.maxRssBytes ?? null,
    runTimeouts: {
      firstTokenMs: options.firstTokenTimeoutMs,
      tokenGapMs: options.tokenGapTimeoutMs,
      stopMs: stopTimeoutMs,
    },
  });
  const loaded = (): WorkerClient => {
    supervisor.load();
    return supervisor.client;
  };
  return {
    start: () => supervisor.start(),
    // Its prompts may wait for a model that is not known yet: what it cannot do is found by the worker itself.
    check: () => {},
    generate: (request, signal) => loaded().generate(request, signal),
    tokenize: (input, signal) => loaded().tokenize(input, signal),
    detokenize: (tokenIds, signal) => loaded().detokenize(tokenIds, signal),
    embed: (inputs, options, signal) => loaded().embed(inputs, options, signal),
    load: () => supervisor.load(),
    unload: () => supervisor.unload(),
    status: () => supervisor.status(),
    onChange: listener => supervisor.onChange(listener),
    stop: () => supervisor.stop(),
    kill: () => supervisor.kill(),
  };
}

/** With the engine `none` it makes vectors alone. */
export type WorkerConfig = Omit<Config, 'MINIVAULT_ENGINE'> & {
  readonly MINIVAULT_ENGINE: Config['MINIVAULT_ENGINE'] | 'none';
};

/** The Python worker of this checkout, as the settings want it; of the environment it sees the allowed part only. */
export function workerOptionsFrom(
  config: WorkerConfig,
  logger: Logger,
  env: Readonly<Record<string, string | undefined>> = inheritedEnvironment(),
): Omit<WorkerOptions, 'recorder'> {
  return {
    command: {
      file: config.MINIVAULT_PYTHON,
      args: [
        '-u',
        path.join(REPOSITORY_DIR, 'python', 'worker.py'),
        ...['--engine', config.MINIVAULT_ENGINE],
        ...['--model', config.MINIVAULT_MODEL],
        ...['--data-dir', config.MINIVAULT_DATA_DIR],
        ...['--embedder', config.EMBEDDING_MODEL],
      ],
      cwd: REPOSITORY_DIR,
      env: {
        ...workerEnvironment(env),
        // Inherited by all that the worker starts: whoever looks for leftovers finds them by their gateway's pid.
        MINIVAULT_WORKER_MARKER: `${process.pid}-${Date.now()}`,
        ...given('MINIVAULT_SLOTS', config.MINIVAULT_SLOTS),
        ...given('MINIVAULT_QUANTIZATION', config.MINIVAULT_QUANTIZATION),
        ...given('MINIVAULT_THREADS', config.MINIVAULT_THREADS),
        ...given('MINIVAULT_FAKE_PLAN', config.MINIVAULT_FAKE_PLAN),
      },
      remedy: 'Run `npm start` once, which sets Python up, or name another one with MINIVAULT_PYTHON.',
    },
    loadSilenceTimeoutMs: config.MINIVAULT_LOAD_SILENCE_TIMEOUT_MS,
    silenceTimeoutMs: config.MINIVAULT_WORKER_SILENCE_TIMEOUT_MS,
    firstTokenTimeoutMs: config.MINIVAULT_FIRST_TOKEN_TIMEOUT_MS,
    tokenGapTimeoutMs: config.MINIVAULT_TOKEN_GAP_TIMEOUT_MS,
    stopTimeoutMs: config.MINIVAULT_WORKER_STOP_TIMEOUT_MS,
    maxRssBytes: config.MINIVAULT_WORKER_MAX_RSS_BYTES,
    logger,
  };
}

function given(name: string, value: string | number | null): Readonly<Record<string, string>> {
  return value === null ? {} : { [name]: String(value) };
}
