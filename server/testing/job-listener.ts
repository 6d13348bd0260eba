// Clients of jobs whose generations are played by hand, for tests.

import type { ClientEvent, JobPoint } from '../domain/job.js';
import { AppError } from '../errors.js';
import { Jobs, type JobsOptions } from '../generation/jobs.js';
import { SILENT_RECORDER } from '../metrics/silent-recorder.js';
import { soon } from './fake-clock.js';
import { recordingLogger } from './recording-logger.js';
import { sampleRequest } from './sample-request.js';
import { scriptedGenerate } from './scripted-generate.js';

export const GRACE_MS = 60_000;
const context = { dialect: 'job-sse', requestId: 'r1' };

export function createJobs(options: Partial<JobsOptions> = {}) {
  const scripted = scriptedGenerate();
  const jobs = new Jobs({
    generate: scripted.generate,
    resumeGraceMs: GRACE_MS,
    maxStreams: 8,
    maxStreamsOfCaller: 2,
    loading: () => null,
    logger: recordingLogger().logger,
    recorder: SILENT_RECORDER,
    ...options,
  });
  const submit = async (clientId = 'c', caller: string | null = null) => {
    const request = sampleRequest();
    const { position } = await jobs.submit(clientId, request, { ...context, caller });
    const run = scripted.runs.at(-1);
    if (run === undefined) throw new Error('nothing runs');
    return { id: request.id, position, run };
  };
  return { jobs, submit, runs: scripted.runs };
}

export interface Listener {
  readonly heard: ClientEvent[];
  readonly leave: () => void;
  /** What ended the stream: its error's code, or `ended`. */
  readonly end: Promise<string>;
}

/** Reads until it leaves or the stream ends; on a fake clock. */
export async function listen(
  jobs: Jobs,
  point: JobPoint | null = null,
  isExplicit = false,
  clientId = 'c',
  caller: string | null = null,
): Promise<Listener> {
  const heard: ClientEvent[] = [];
  const leaving = new AbortController();
  const read = async (): Promise<string> => {
    try {
      for await (const batch of jobs.connect(clientId, { caller, point, isExplicit }, leaving.signal))
        heard.push(...batch);
      return 'ended';
    } catch (error) {
      return error instanceof AppError ? error.code : String(error);
    }
  };
  const end = read();
  await soon();
  return { heard, leave: () => leaving.abort(), end };
}

/** The text as a reader has it who obeys `reset`. */
export const textOf = (events: readonly ClientEvent[]): string =>
  events.reduce((text, event) => {
    if (event.type === 'reset') return event.text;
    return event.type === 'job' && event.event.type === 'token' ? text + event.event.text : text;
  }, '');
export const typesOf = (events: readonly ClientEvent[]): string[] =>
  events.map(event => (event.type === 'job' ? event.event.type : event.type));
export const pointOf = (events: readonly ClientEvent[]): JobPoint | null => {
  const last = events.findLast(event => event.type === 'job' || event.type === 'reset');
  return last === undefined ? null : { jobId: last.jobId, seq: last.seq };
};
