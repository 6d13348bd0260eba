// Where the reader of a client's stream stands in its jobs. Knows no clock and no connection.
import type { ClientEvent, JobPoint } from '../domain/job.js';
import type { JobLog } from './job-log.js';

export interface Job {
  readonly id: string;
  readonly log: JobLog;
  /** Number of the last event that any reader has taken. */
  deliveredSeq: number;
  /** Its end has been delivered: it is kept for a while only. */
  isExpiring: boolean;
}

/** No event's number, so that the log has nothing that follows it: the text is told whole instead. */
const NOWHERE = -1;

export class JobReader {
  /** By job: the number of the last event it has; a job that is not here is new to it. */
  readonly #cursors = new Map<Job, number>();
  #isForgotten: boolean;

  /** @param point what the client says it has seen; null when it says nothing */
  constructor(jobs: readonly Job[], point: JobPoint | null) {
    const index = point === null ? -1 : jobs.findIndex(({ id }) => id === point.jobId);
    if (point !== null && index >= 0) {
      for (const job of jobs.slice(0, index)) this.#cursors.set(job, job.log.lastSeq);
      for (const job of jobs.slice(index, index + 1)) this.#cursors.set(job, point.seq);
      this.#isForgotten = false;
      return;
    }
    const seen = jobs.filter(({ log, deliveredSeq }) => log.isEnded && deliveredSeq === log.lastSeq);
    const begun = jobs.filter(
      job => !seen.includes(job) && job.deliveredSeq > 0 && job.log.whole.text !== '',
    );
    for (const job of seen) this.#cursors.set(job, job.log.lastSeq);
    for (const job of begun) this.#cursors.set(job, NOWHERE);
    this.#isForgotten = point !== null && begun.length === 0;
  }

  /** Whether a job goes on, or has said what this reader has not heard. */
  hasMore(jobs: readonly Job[]): boolean {
    return this.#isForgotten || jobs.some(job => !job.log.isEnded || this.#cursorOf(job) !== job.log.lastSeq);
  }

  /** All that is there, in order: nothing of a job before the one ahead of it has ended. Empty when there is nothing new. */
  take(jobs: readonly Job[]): ClientEvent[] {
    const events: ClientEvent[] = [];
    if (this.#isForgotten) events.push({ type: 'forgotten' });
    this.#isForgotten = false;
    for (const job of jobs) {
      this.#takeJob(job, events);
      if (!job.log.isEnded) break;
    }
    return events;
  }

  #takeJob(job: Job, events: ClientEvent[]): void {
    const { id: jobId, log } = job;
    const cursor = this.#cursorOf(job);
    let entries = log.after(cursor);
    if (entries === null) {
      const { seq, text } = log.whole;
      // Who has nothing yet needs no reset: one long piece is an answer like any other.
      if (cursor === 0) events.push({ type: 'job', jobId, seq, event: { type: 'token', text } });
      else events.push({ type: 'reset', jobId, seq, text });
      entries = log.after(seq) ?? [];
    }
    for (const entry of entries) events.push({ type: 'job', jobId, ...entry });
    this.#cursors.set(job, log.lastSeq);
    job.deliveredSeq = log.lastSeq;
  }

  #cursorOf(job: Job): number {
    return this.#cursors.get(job) ?? 0;
  }
}
