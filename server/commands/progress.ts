// How far a command is, on stderr: a bar that moves on a terminal, a line now and then elsewhere.

const TICK_MS = 100;
const PLAIN_INTERVAL_MS = 5_000;
const BAR_CELLS = 30;

export type Screen = Pick<NodeJS.WriteStream, 'write' | 'isTTY'>;

export class Progress {
  readonly #title: string;
  readonly #screen: Screen;
  readonly #startedMs = performance.now();
  #shownMs = Number.NEGATIVE_INFINITY;

  constructor(title: string, screen: Screen = process.stderr) {
    this.#title = title;
    this.#screen = screen;
  }

  get seconds(): number {
    return (performance.now() - this.#startedMs) / 1000;
  }

  /** `share` of the whole, from 0 to 1; `detail` may change its length. Shown no more often than it can be read. */
  show(share: number, detail: string): void {
    const { isTTY } = this.#screen;
    const nowMs = performance.now();
    if (nowMs - this.#shownMs < (isTTY ? TICK_MS : PLAIN_INTERVAL_MS)) return;
    this.#shownMs = nowMs;
    // Of nothing there is no share.
    const within = Number.isNaN(share) ? 1 : Math.min(1, Math.max(0, share));
    const text = `${this.#title}  ${String(Math.floor(within * 100)).padStart(3)} %  ${detail}`;
    if (!isTTY) {
      this.#screen.write(`${text}\n`);
      return;
    }
    const filled = Math.round(within * BAR_CELLS);
    this.#screen.write(`\r\x1b[K${'█'.repeat(filled)}${'░'.repeat(BAR_CELLS - filled)}  ${text}`);
  }

  /** Takes the bar away. */
  end(): void {
    if (this.#screen.isTTY) this.#screen.write('\r\x1b[K');
  }
}

/** As a person reads it: 12345 is 12,345. */
export function grouped(count: number): string {
  return count.toLocaleString('en');
}
