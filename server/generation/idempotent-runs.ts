// Runs by their Idempotency-Key: who sends a request again joins what the first one began, or gets what came of it.
// In memory, bounded. Knows no HTTP.
import type { IdempotencyKey } from '../domain/idempotency.js';
import { AppError } from '../errors.js';
import { type Begin, type Begun, SharedRun } from './shared-run.js';

const KEEP_MS = 10 * 60_000;
const MAX_ENDED = 1_000;
const MAX_BYTES = 64 * 1024 * 1024;

export interface IdempotentRunsOptions {
  /** How long a run goes on after the last of its clients has left. */
  readonly graceMs: number;
  /** From its end. */
  readonly keepMs?: number;
  /** Of those that have ended; the oldest make room. */
  readonly maxEnded?: number;
  /** Of what those have said, as JSON. */
  readonly maxBytes?: number;
}

export interface Joined<Told, Event> extends Begun<Told, Event> {
  /** Another request began it. */
  readonly isReplayed: boolean;
}

interface Entry {
  readonly fingerprint: string;
  readonly run: SharedRun<unknown, unknown>;
  expiry: NodeJS.Timeout | undefined;
}

export class IdempotentRuns {
  readonly #options: Required<IdempotentRunsOptions>;
  readonly #entries = new Map<string, Entry>();
  /** Names of those that have ended, the oldest first. */
  readonly #ended = new Set<string>();
  #bytes = 0;

  constructor(options: IdempotentRunsOptions) {
    this.#options = { keepMs: KEEP_MS, maxEnded: MAX_ENDED, maxBytes: MAX_BYTES, ...options };
  }

  /** That run or can be returned. */
  get size(): number {
    return this.#entries.size;
  }

  /**
   * Begins a run, or joins the one that this key began; without a key every request begins its own. What it ends in before
   * its first event, or in an error that may pass, is not kept.
   * @throws AppError idempotency_conflict for a key that came with another request; what `begin` and the first event throw,
   * where there is a key
   */
  async join<Told, Event>(
    key: IdempotencyKey | null,
    signal: AbortSignal,
    begin: Begin<Told, Event>,
  ): Promise<Joined<Told, Event>> {
    if (key === null) return { ...(await begin(signal)), isReplayed: false };
    const name = JSON.stringify([key.owner, key.route, key.key]);
    const found = this.#entries.get(name);
    if (found === undefined) {
      const begun = this.#begin(name, key.fingerprint, begin);
      return { ...(await begun.join(signal)), isReplayed: false };
    }
    if (found.fingerprint !== key.fingerprint) {
      throw new AppError(
        'idempotency_conflict',
        `The Idempotency-Key "${key.key}" came with another request before; take a new one.`,
        { param: 'Idempotency-Key' },
      );
    }
    // The same route and the same body: it began the same kind of run.
    const run = found.run as SharedRun<Told, Event>;
    return { ...(await run.join(signal)), isReplayed: true };
  }

  /** What nobody reads is cancelled now, the rest when its last reader leaves. */
  close(): void {
    for (const { run } of [...this.#entries.values()]) run.close();
  }

  #begin<Told, Event>(name: string, fingerprint: string, begin: Begin<Told, Event>): SharedRun<Told, Event> {
    const forget = (): void => this.#forget(name, entry);
    const run = new SharedRun(begin, {
      graceMs: this.#options.graceMs,
      onAbandoned: forget,
      onEnded: isKept => (isKept ? this.#keep(name, entry) : forget()),
    });
    const entry: Entry = { fingerprint, run, expiry: undefined };
    this.#entries.set(name, entry);
    run.opened.catch(forget);
    return run;
  }

  #keep(name: string, entry: Entry): void {
    if (this.#entries.get(name) !== entry) return;
    const { keepMs, maxEnded, maxBytes } = this.#options;
    entry.expiry = setTimeout(() => this.#forget(name, entry), keepMs).unref();
    this.#ended.add(name);
    this.#bytes += entry.run.bytes;
    for (const oldest of this.#ended) {
      if (this.#ended.size <= maxEnded && this.#bytes <= maxBytes) return;
      const dropped = this.#entries.get(oldest);
      if (dropped) this.#forget(oldest, dropped);
    }
  }

  #forget(name: string, entry: Entry): void {
    if (this.#entries.get(name) !== entry) return;
    this.#entries.delete(name);
    clearTimeout(entry.expiry);
    if (this.#ended.delete(name)) this.#bytes -= entry.run.bytes;
  }
}
