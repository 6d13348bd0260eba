// Byte streams <-> protocol messages: lines in, lines out, a limit on both. Knows no process and no request.
import type { Readable, Writable } from 'node:stream';
import split2 from 'split2';
import { AppError } from '../errors.js';
import { type LineFault, parseWorkerLine } from './line-parser.js';
import { type GatewayMessage, MAX_LINE_BYTES, type WorkerMessage } from './protocol.js';

export interface ChannelListener {
  onMessage(message: WorkerMessage): void;
  /** A line that was ignored. */
  onFault(kind: LineFault, line: string): void;
  /** A line passed the limit: nothing more is read, and the sender cannot be trusted any further. */
  onOverflow(): void;
}

interface Outgoing {
  readonly line: string;
  readonly written: (ok: boolean) => void;
}

/** UTF-16 units bound the bytes from both sides, so most lines need no counting. */
function isTooLong(line: string): boolean {
  if (line.length * 3 <= MAX_LINE_BYTES) return false;
  return line.length > MAX_LINE_BYTES || Buffer.byteLength(line) > MAX_LINE_BYTES;
}

export class Channel {
  /** Resolves when the last line was delivered: the stream ended, broke, or the channel was closed. */
  readonly ended: Promise<void>;
  readonly #lines: NodeJS.ReadWriteStream & { destroy(error?: Error): unknown };
  readonly #toWorker: Writable;
  #outgoing: Outgoing[] = [];
  #isClosed = false;

  constructor(fromWorker: Readable, toWorker: Writable, listener: ChannelListener) {
    this.#toWorker = toWorker;
    // split2 only measures the unfinished tail, and a mapper that throws destroys the stream: wanted for a line
    // that is too long, never for one that is not JSON.
    const lines = split2(
      '\n',
      (line: string) => {
        if (isTooLong(line)) throw new RangeError('line too long');
        if (line === '') return undefined;
        const parsed = parseWorkerLine(line);
        if (typeof parsed === 'object') return parsed;
        listener.onFault(parsed, line);
        return undefined;
      },
      // The listener never makes it wait, so one read of the pipe always fits.
      { maxLength: MAX_LINE_BYTES, writableHighWaterMark: MAX_LINE_BYTES },
    );
    this.#lines = lines;
    this.ended = new Promise(resolve => lines.once('close', resolve));
    lines.on('data', (message: WorkerMessage) => {
      if (!this.#isClosed) listener.onMessage(message);
    });
    lines.on('error', () => {
      fromWorker.destroy();
      listener.onOverflow();
    });
    fromWorker.on('error', () => lines.end());
    fromWorker.once('close', () => lines.end());
    fromWorker.pipe(lines);
    toWorker.on('drain', () => this.#pump());
    // Each write's callback tells its own sender; without a listener the same error would end the process.
    toWorker.on('error', () => this.#refuseOutgoing());
    toWorker.once('close', () => this.#refuseOutgoing());
  }

  /**
   * Resolves true once the line was handed to the system, false when it never will be.
   * @throws AppError body_too_large, at once, when the line would pass the protocol's limit.
   */
  send(message: GatewayMessage): Promise<boolean> {
    const line = JSON.stringify(message);
    if (isTooLong(line)) {
      throw new AppError('body_too_large', `The request does not fit the worker's ${MAX_LINE_BYTES} bytes.`);
    }
    return new Promise(written => {
      this.#outgoing.push({ line, written });
      this.#pump();
    });
  }

  /** Delivers nothing more; what was not written yet counts as not sent. */
  close(): void {
    this.#isClosed = true;
    this.#refuseOutgoing();
    this.#lines.destroy();
  }

  #pump(): void {
    while (!this.#toWorker.writableNeedDrain) {
      const next = this.#outgoing.shift();
      if (next === undefined) return;
      if (this.#isClosed || !this.#toWorker.writable) next.written(false);
      else this.#toWorker.write(`${next.line}\n`, error => next.written(!error));
    }
  }

  #refuseOutgoing(): void {
    const refused = this.#outgoing;
    this.#outgoing = [];
    for (const { written } of refused) written(false);
  }
}
