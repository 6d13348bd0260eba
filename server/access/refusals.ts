// Refusals on their way into the audit: equal ones of one address are folded, so that nobody fills a disk by being
// refused. Knows no file.
import type { AuditEvent } from '../domain/audit.js';

const FOLD_MS = 60_000;
/** Of other addresses than these only the codes are told apart meanwhile. */
const MAX_FOLDS = 1_000;

export interface Refusal {
  readonly code: string;
  readonly status: number;
  readonly actor: string | null;
  /** Null where too many addresses are refused at once to tell them apart. */
  readonly address: string | null;
  readonly requestId: string;
  /** As `GET /history/*`. */
  readonly target: string;
}

interface Fold {
  readonly timer: NodeJS.Timeout;
  /** Those that are not recorded yet. */
  count: number;
  latest: Refusal;
}

export class Refusals {
  readonly #record: (event: AuditEvent) => void;
  readonly #folds = new Map<string, Fold>();

  constructor(record: (event: AuditEvent) => void) {
    this.#record = record;
  }

  /**
   * Recorded at once when it is the first of its kind, else counted: a minute later one line tells the count of those
   * that followed, with the last one's route and request.
   */
  note(refusal: Refusal): void {
    const own = keyOf(refusal);
    const isCrowded = !this.#folds.has(own) && this.#folds.size >= MAX_FOLDS;
    const told = isCrowded ? { ...refusal, actor: null, address: null } : refusal;
    const key = isCrowded ? keyOf(told) : own;
    const fold = this.#folds.get(key);
    if (fold !== undefined) {
      fold.count++;
      fold.latest = told;
      return;
    }
    this.#record(toEvent(told, 1));
    const timer = setInterval(() => this.#tell(key), FOLD_MS).unref();
    this.#folds.set(key, { timer, count: 0, latest: told });
  }

  /** Records what is counted and not told yet. */
  close(): void {
    for (const key of [...this.#folds.keys()]) {
      this.#tell(key);
      this.#forget(key);
    }
  }

  #tell(key: string): void {
    const fold = this.#folds.get(key);
    if (fold === undefined) return;
    if (fold.count === 0) {
      this.#forget(key);
      return;
    }
    this.#record(toEvent(fold.latest, fold.count));
    fold.count = 0;
  }

  #forget(key: string): void {
    clearInterval(this.#folds.get(key)?.timer);
    this.#folds.delete(key);
  }
}

function keyOf({ code, actor, address }: Refusal): string {
  return JSON.stringify([address, code, actor]);
}

function toEvent({ code, status, actor, address, requestId, target }: Refusal, count: number): AuditEvent {
  return { event: 'refused', actor, target, address, requestId, details: { code, status, count } };
}
