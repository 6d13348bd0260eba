// The words about submitted jobs and the streams that tell of them. Types only: no logic.
import type { GenerationEvent } from './generation.js';

/** What happens to a job, in the order of its log; `done` or `error` is the last. */
export type JobEvent =
  | Extract<GenerationEvent, { readonly type: 'queued' | 'grounded' | 'started' | 'done' }>
  | { readonly type: 'token'; readonly text: string }
  /** The model is not there yet: the worker's own words and figures. */
  | { readonly type: 'loading'; readonly stage: string; readonly done: number; readonly total: number }
  | {
      readonly type: 'error';
      readonly error: { readonly code: string; readonly message: string; readonly requestId: string };
    };

/** Where a reader stands: it has seen all events of that job up to this number, and all jobs before it. */
export interface JobPoint {
  readonly jobId: string;
  readonly seq: number;
}

/** What the stream of one client carries. */
export type ClientEvent =
  | { readonly type: 'connected' }
  | (JobPoint & { readonly type: 'job'; readonly event: JobEvent })
  /** Stands for all that the job has said up to here: what the reader has of it is to be thrown away. */
  | (JobPoint & { readonly type: 'reset'; readonly text: string })
  /** The reader's point is of no job that is known any more, and nothing takes its place. */
  | { readonly type: 'forgotten' }
  /** A newer connection of the same client has taken over. */
  | { readonly type: 'replaced' }
  /** All that was asked for has been said. */
  | { readonly type: 'finished' };
