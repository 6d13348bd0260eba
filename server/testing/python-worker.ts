// The real Python worker with the fake engine, as the gateway itself would start it. Stopped when the test is over.

import { onTestFinished } from 'vitest';
import { inheritedEnvironment, readConfig } from '../config.js';
import { SILENT_RECORDER } from '../metrics/silent-recorder.js';
import { createWorker, workerOptionsFrom } from '../worker/create-worker.js';
import type { Worker, WorkerStatus } from '../worker/worker.js';
import type { FakePlan } from './fake-plan.js';
import { type LogEntry, recordingLogger } from './recording-logger.js';
import { tempFolder } from './temp-folder.js';

export interface PythonWorker {
  readonly worker: Worker;
  readonly entries: LogEntry[];
  /** The running child's. @throws Error between two lives. */
  pid(): number;
  /** Resolves when the status satisfies the condition. */
  seen(condition: (status: WorkerStatus) => boolean): Promise<WorkerStatus>;
}

/** Started. @param settings MINIVAULT_* as in the environment; times default to their real values. */
export async function pythonWorker(
  plan: FakePlan = {},
  settings: Readonly<Record<string, string>> = {},
): Promise<PythonWorker> {
  const folder = await tempFolder();
  const { logger, entries } = recordingLogger();
  const config = readConfig({
    MINIVAULT_ENGINE: 'fake',
    MINIVAULT_DATA_DIR: folder,
    MINIVAULT_FAKE_PLAN: JSON.stringify({ state_dir: folder, ...plan }),
    MINIVAULT_WORKER_STOP_TIMEOUT_MS: '500',
    ...settings,
  });
  const worker = createWorker({
    ...workerOptionsFrom(config, logger, inheritedEnvironment()),
    recorder: SILENT_RECORDER,
    random: () => 0,
  });
  onTestFinished(() => worker.stop());
  worker.start();
  return {
    worker,
    entries,
    pid: () => {
      const { pid } = worker.status();
      if (pid === null) throw new Error('no child at the moment');
      return pid;
    },
    seen: condition =>
      new Promise(resolve => {
        const look = (status: WorkerStatus): void => {
          if (!condition(status)) return;
          unsubscribe();
          resolve(status);
        };
        const unsubscribe = worker.onChange(look);
        look(worker.status());
      }),
  };
}
