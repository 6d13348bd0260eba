// One run that several requests read: it goes on while any of them is there, and a while longer. Knows no key.
import { AppError, ERRORS, toAppError } from '../errors.js';
import { EventLog } from './event-log.js';

/** What a request has begun: what is known of it from the start, and what it says. */
export interface Begun<Told, Event> {
  readonly told: Told;
  readonly events: AsyncIterable<readonly Event[]>;
  /** It goes on whoever leaves, and ends by itself. */
  readonly isDetached?: boolean;
  /** What it has failed with, where it tells failures as events. */
  readonly failure?: () => AppError | null;
}

/** Begins it; the signal is aborted when nobody wants it any more. */
export type Begin<Told, Event> = (signal: AbortSignal) => Begun<Told, Event> | Promise<Begun<Told, Event>>;

export interface SharedRunOptions {
  /** How long it goes on without a reader. */
  readonly graceMs: number;
  /** Nobody came back: it was cancelled, and is nothing to join. */
  readonly onAbandoned: () => void;
  /** @param isKept false when the same request may end better if it is sent again */
  readonly onEnded: (isKept: boolean) => void;
}

export class SharedRun<Told, Event> {
  /** Settles with its first event. Rejects with what was thrown instead of one. */
  readonly opened: Promise<Told>;
  readonly #options: SharedRunOptions;
  readonly #leaving = new AbortController();
  readonly #log = new EventLog<Event>();
  /** With what takes them off. */
  readonly #readers = new Map<AbortSignal, () => void>();
  #graceTimer: NodeJS.Timeout | undefined;
  #isDetached = false;
  #graceMs: number;
  #isEnded = false;
  #bytes = 0;

  constructor(begin: Begin<Told, Event>, options: SharedRunOptions) {
    this.#options = options;
    this.#graceMs = options.graceMs;
    this.opened = this.#open(begin);
    this.opened.catch(() => this.#end());
  }

  /** Of what it said, as JSON. */
  get bytes(): number {
    return this.#bytes;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** All it has said and will say. Until its end, or the signal, which tells that this reader has gone. */
  async join(signal: AbortSignal): Promise<Begun<Told, Event>> {
    this.#attach(signal);
    return { told: await this.opened, events: this.#read(signal) };
  }

  /** Cancels it unless somebody is there. */
  abandon(): void {
    if (this.#readers.size > 0 || this.#isEnded || this.#isDetached) return;
    clearTimeout(this.#graceTimer);
    this.#options.onAbandoned();
    this.#leaving.abort();
  }

  /** Nobody comes back any more: it is cancelled as soon as nobody is there. */
  close(): void {
    this.#graceMs = 0;
    this.abandon();
  }

  #attach(signal: AbortSignal): void {
    if (this.#isEnded) return;
    clearTimeout(this.#graceTimer);
    const detach = (): void => {
      signal.removeEventListener('abort', detach);
      if (!this.#readers.delete(signal) || this.#readers.size > 0 || this.#isEnded) return;
      if (this.#graceMs === 0) this.abandon();
      else this.#graceTimer = setTimeout(() => this.abandon(), this.#graceMs).unref();
    };
    this.#readers.set(signal, detach);
    signal.addEventListener('abort', detach, { once: true });
    if (signal.aborted) detach();
  }

  async #open(begin: Begin<Told, Event>): Promise<Told> {
    const begun = await begin(this.#leaving.signal);
    this.#isDetached = begun.isDetached ?? false;
    const iterator = begun.events[Symbol.asyncIterator]();
    const first = await iterator.next();
    void this.#keep(first, iterator, begun.failure);
    return begun.told;
  }

  async #keep(
    first: IteratorResult<readonly Event[]>,
    iterator: AsyncIterator<readonly Event[]>,
    failureTold: () => AppError | null = () => null,
  ): Promise<void> {
    let failure: AppError | null = null;
    try {
      for (let next = first; next.done !== true; next = await iterator.next()) {
        for (const event of next.value) this.#bytes += JSON.stringify(event).length;
        this.#log.append(next.value);
      }
    } catch (error) {
      failure = toAppError(error);
    }
    this.#log.end(failure);
    this.#end();
    const code = (failure ?? failureTold())?.code;
    this.#options.onEnded(code === undefined || !ERRORS[code].retryable);
  }

  async *#read(signal: AbortSignal): AsyncGenerator<readonly Event[]> {
    yield* this.#log.read(-1, signal);
    if (signal.aborted) throw new AppError('cancelled', 'The client left.');
  }

  #end(): void {
    this.#isEnded = true;
    clearTimeout(this.#graceTimer);
    for (const [signal, detach] of this.#readers) signal.removeEventListener('abort', detach);
    this.#readers.clear();
  }
}
