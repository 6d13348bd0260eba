// The requests of one caller that were let in within the last stretch of time, each by its own moment. Knows no clock.
//
// An exact log and not rate-limiter-flexible: that one counts in fixed windows (Redis: SET NX EX, then INCRBY), which
// begin with a caller's first request, so that twice the limit passes around each edge; a count weighted over two
// windows only guesses. Here no stretch of that length, wherever it begins, ever holds more than the limit.

export interface Allowance {
  readonly limit: number;
  readonly windowMs: number;
}

export interface Verdict {
  readonly isAdmitted: boolean;
  readonly limit: number;
  /** Places that are free after this request. */
  readonly remaining: number;
  /** Until one more place is free than now; 0 when all are. */
  readonly resetMs: number;
}

/** Moments are dropped from the front in lots: an array is not moved for each. */
const DROP_LOT = 64;

export class SlidingWindow {
  #moments: number[] = [];
  #first = 0;

  /** Counts the request where there is room for it. */
  take(nowMs: number, { limit, windowMs }: Allowance): Verdict {
    this.#forget(nowMs - windowMs);
    const isAdmitted = this.#count < limit;
    if (isAdmitted) this.#moments.push(nowMs);
    return this.#verdict(isAdmitted, nowMs, { limit, windowMs });
  }

  /** What `take` would say, without a request. */
  look(nowMs: number, { limit, windowMs }: Allowance): Verdict {
    this.#forget(nowMs - windowMs);
    return this.#verdict(this.#count < limit, nowMs, { limit, windowMs });
  }

  /** Counts a request that was let in elsewhere. */
  note(nowMs: number, { windowMs }: Allowance): void {
    this.#forget(nowMs - windowMs);
    this.#moments.push(nowMs);
  }

  get #count(): number {
    return this.#moments.length - this.#first;
  }

  /** What is exactly as old as the window still counts: it is closed at both ends. */
  #forget(beforeMs: number): void {
    while ((this.#moments[this.#first] ?? Number.POSITIVE_INFINITY) < beforeMs) this.#first += 1;
    if (this.#first > 0 && (this.#first === this.#moments.length || this.#first >= DROP_LOT)) {
      this.#moments = this.#moments.slice(this.#first);
      this.#first = 0;
    }
  }

  #verdict(isAdmitted: boolean, nowMs: number, { limit, windowMs }: Allowance): Verdict {
    const remaining = Math.max(0, limit - this.#count);
    const nextToGo = this.#moments[this.#first + Math.max(0, this.#count - limit)];
    const resetMs = nextToGo === undefined ? 0 : nextToGo + windowMs - nowMs;
    return { isAdmitted, limit, remaining, resetMs };
  }
}
