// All that happened to one job, numbered from 1: the last events as they were, older ones only as the text they said.
import { GrowingText } from '../domain/growing-text.js';
import type { JobEvent } from '../domain/job.js';

export interface JobLogLimits {
  readonly maxEvents: number;
  readonly maxBytes: number;
}

export const JOB_LOG_LIMITS: JobLogLimits = { maxEvents: 1_000, maxBytes: 256 * 1024 };

/** What an event costs beside its text. */
const EVENT_BYTES = 64;

export interface JobEntry {
  readonly seq: number;
  readonly event: JobEvent;
}

export class JobLog {
  readonly #limits: JobLogLimits;
  readonly #entries: JobEntry[] = [];
  #bytes = 0;
  #lastSeq = 0;
  readonly #text = new GrowingText();
  #isEnded = false;

  constructor(limits: JobLogLimits = JOB_LOG_LIMITS) {
    this.#limits = limits;
  }

  /** Number of the last event; 0 before the first. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** All text so far, and the number of the last event it covers: the end is told on its own. */
  get whole(): { readonly seq: number; readonly text: string } {
    return { seq: this.#isEnded ? this.#lastSeq - 1 : this.#lastSeq, text: String(this.#text) };
  }

  append(event: JobEvent): void {
    this.#lastSeq += 1;
    this.#entries.push({ seq: this.#lastSeq, event });
    this.#bytes += sizeOf(event);
    if (event.type === 'token') this.#text.append(event.text);
    if (event.type === 'done' || event.type === 'error') this.#isEnded = true;
    while (
      this.#entries.length > 1 &&
      (this.#entries.length > this.#limits.maxEvents || this.#bytes > this.#limits.maxBytes)
    ) {
      const dropped = this.#entries.shift();
      if (dropped) this.#bytes -= sizeOf(dropped.event);
    }
  }

  /** What followed event number `seq`; null when a part of that has been dropped, or there is no such event. */
  after(seq: number): readonly JobEntry[] | null {
    const firstKept = this.#lastSeq - this.#entries.length + 1;
    if (seq > this.#lastSeq || seq < firstKept - 1) return null;
    return this.#entries.slice(seq - firstKept + 1);
  }
}

function sizeOf(event: JobEvent): number {
  return EVENT_BYTES + (event.type === 'token' ? Buffer.byteLength(event.text) : 0);
}
