// The worker's stderr: the last of it kept for the exit report, some of it shown, all of it drained. A byte here
// never means anything to a stream.
import { StringDecoder } from 'node:string_decoder';
import type { Logger } from '../log.js';

const MAX_TAIL_BYTES = 8 * 1024;
const MAX_LINE_LENGTH = 1_000;
const WINDOW_MS = 1_000;
const LINES_PER_WINDOW = 20;

export class StderrTail {
  readonly #logger: Logger;
  readonly #decoder = new StringDecoder('utf8');
  #tail: Buffer = Buffer.alloc(0);
  #isCut = false;
  #rest = '';
  #windowEndsAtMs = 0;
  #linesLeft = 0;
  #hiddenBytes = 0;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** In a flood nothing is decoded or split any more until the second is over: it costs a copy of 8 KiB. */
  push(chunk: Buffer): void {
    this.#keep(chunk);
    const nowMs = performance.now();
    if (nowMs >= this.#windowEndsAtMs) {
      this.#tellHidden();
      this.#windowEndsAtMs = nowMs + WINDOW_MS;
      this.#linesLeft = LINES_PER_WINDOW;
    }
    if (this.#linesLeft === 0) {
      this.#hide(chunk.length);
      return;
    }
    const lines = (this.#rest + this.#decoder.write(chunk)).split('\n');
    this.#rest = lines.pop() ?? '';
    const shown = lines.splice(0, this.#linesLeft);
    for (const line of shown) this.#show(line);
    this.#linesLeft -= shown.length;
    if (lines.length > 0) this.#hide(Buffer.byteLength(lines.join('\n')) + 1);
    if (this.#rest.length > MAX_TAIL_BYTES) this.#hide(this.#rest.length);
  }

  /** Shows what has no newline yet. */
  end(): void {
    this.#tellHidden();
    this.#show(this.#rest + this.#decoder.end());
    this.#rest = '';
  }

  /** The last whole lines, at most 8 KiB, without blank ones. */
  lines(): string[] {
    const lines = this.#tail.toString('utf8').split(/\r?\n/);
    if (this.#isCut && lines.length > 1) lines.shift();
    return lines.filter(line => line.trim() !== '');
  }

  #keep(chunk: Buffer): void {
    const all = chunk.length >= MAX_TAIL_BYTES ? chunk : Buffer.concat([this.#tail, chunk]);
    this.#isCut ||= all.length > MAX_TAIL_BYTES;
    // A copy: a view would keep the whole chunk alive.
    this.#tail = Buffer.from(all.subarray(-MAX_TAIL_BYTES));
  }

  #show(line: string): void {
    const text = line.trimEnd();
    if (text !== '') this.#logger.warn(`worker: ${text.slice(0, MAX_LINE_LENGTH)}`, idsIn(text));
  }

  /** What was cut in the middle of a line is not continued. */
  #hide(bytes: number): void {
    this.#hiddenBytes += bytes;
    this.#rest = '';
  }

  #tellHidden(): void {
    if (this.#hiddenBytes === 0) return;
    this.#logger.warn(`worker: ${this.#hiddenBytes} more bytes on stderr were not shown.`);
    this.#hiddenBytes = 0;
  }
}

/** The worker's own lines are JSON and name the exchange and the trace that they are about. */
function idsIn(text: string): Record<string, string> {
  const exchangeId = /"request_id": ?"([\w-]{1,64})"/.exec(text)?.[1];
  const traceId = /"trace": ?"([\da-f]{32})"/.exec(text)?.[1];
  return {
    ...(exchangeId === undefined ? {} : { exchange_id: exchangeId }),
    ...(traceId === undefined ? {} : { trace_id: traceId }),
  };
}
