// A Worker over scripted processes, for tests that play both sides of the protocol. Killed when the test is over.

import { onTestFinished } from 'vitest';
import { SILENT_RECORDER } from '../metrics/silent-recorder.js';
import { createWorker, type WorkerOptions } from '../worker/create-worker.js';
import type { Worker } from '../worker/worker.js';
import { passUntil } from './fake-clock.js';
import { type LogEntry, recordingLogger } from './recording-logger.js';
import { neverAborted, sampleRequest } from './sample-request.js';
import { READY, type ScriptedProcess, type ScriptedSpawn, scriptedSpawn } from './scripted-process.js';

export interface ScriptedWorker extends ScriptedSpawn {
  readonly worker: Worker;
  readonly entries: LogEntry[];
}

const COMMAND = { file: '/venv/bin/python', args: [], cwd: '/', env: {}, remedy: 'Set Python up.' };

/** Started. @param onSpawn what each process does at its start: by default it is ready. */
export function scriptedWorker(
  onSpawn: (child: ScriptedProcess, nth: number) => void = child => child.say(READY),
  options: Partial<WorkerOptions> = {},
): ScriptedWorker {
  const { logger, entries } = recordingLogger();
  const scripted = scriptedSpawn(onSpawn);
  const worker = createWorker({
    command: COMMAND,
    loadSilenceTimeoutMs: 300_000,
    silenceTimeoutMs: 10_000,
    firstTokenTimeoutMs: 120_000,
    tokenGapTimeoutMs: 30_000,
    stopTimeoutMs: 5_000,
    logger,
    spawn: scripted.spawn,
    recorder: SILENT_RECORDER,
    random: () => 0,
    ...options,
  });
  onTestFinished(() => worker.kill());
  worker.start();
  return { ...scripted, worker, entries };
}

/** So many runs, all of which the process has been sent. */
export async function generateAll(worker: Worker, child: () => ScriptedProcess, count: number) {
  const requests = Array.from({ length: count }, () => sampleRequest());
  const runs = requests.map(request => worker.generate(request, neverAborted()));
  await passUntil(() => child().generated().length === count);
  return { ids: requests.map(request => request.id), runs };
}
