// A Worker over one of the small programs in fixtures/. Stopped when the test is over.

import path from 'node:path';
import { onTestFinished } from 'vitest';
import { SILENT_RECORDER } from '../metrics/silent-recorder.js';
import { createWorker, type WorkerOptions } from '../worker/create-worker.js';
import type { WorkerCommand } from '../worker/process.js';
import type { Worker } from '../worker/worker.js';
import { type LogEntry, recordingLogger } from './recording-logger.js';

export function fixtureCommand(name: string): WorkerCommand {
  return {
    file: process.execPath,
    args: [path.join(import.meta.dirname, 'fixtures', `${name}.mjs`)],
    cwd: import.meta.dirname,
    env: {},
    remedy: 'It comes with the tests.',
  };
}

export interface FixtureWorker {
  readonly worker: Worker;
  readonly entries: LogEntry[];
}

/** Started, with patience for everything but the stop ladder. */
export function fixtureWorker(command: WorkerCommand, options: Partial<WorkerOptions> = {}): FixtureWorker {
  const { logger, entries } = recordingLogger();
  const worker = createWorker({
    command,
    loadSilenceTimeoutMs: 60_000,
    silenceTimeoutMs: 60_000,
    firstTokenTimeoutMs: 60_000,
    tokenGapTimeoutMs: 60_000,
    stopTimeoutMs: 300,
    logger,
    recorder: SILENT_RECORDER,
    random: () => 0,
    ...options,
  });
  onTestFinished(() => worker.stop());
  worker.start();
  return { worker, entries };
}
