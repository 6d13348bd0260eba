// How fast tokens come, all answers together, over the last seconds. Knows no answer.

const SAMPLE_INTERVAL_MS = 1_000;
const WINDOW_MS = 10_000;

interface Sample {
  readonly atMs: number;
  readonly tokens: number;
}

export class TokenSpeed {
  readonly #total: () => number;
  #samples: Sample[] = [];
  #timer: NodeJS.Timeout | null = null;

  /** @param total tokens since ever */
  constructor(total: () => number) {
    this.#total = total;
  }

  /** Something may be written from now on. Idempotent. */
  start(): void {
    if (this.#timer !== null) return;
    this.#sample();
    this.#timer = setInterval(() => this.#sample(), SAMPLE_INTERVAL_MS);
    this.#timer.unref();
  }

  /** Nothing is written until the next start. */
  rest(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#sample();
  }

  /** Null before the first token; 0 when none came of late. */
  perSecond(): number | null {
    const tokens = this.#total();
    if (tokens === 0) return null;
    const nowMs = performance.now();
    const [first] = this.#recent(nowMs);
    if (first === undefined || nowMs - first.atMs < 1) return 0;
    // A worker that died mid-answer makes its tokens anew.
    const made = Math.max(0, tokens - first.tokens);
    return Math.round((made / (nowMs - first.atMs)) * 10_000) / 10;
  }

  #recent(nowMs: number): Sample[] {
    return this.#samples.filter(({ atMs }) => atMs >= nowMs - WINDOW_MS);
  }

  #sample(): void {
    const atMs = performance.now();
    this.#samples = [...this.#recent(atMs), { atMs, tokens: this.#total() }];
  }
}
