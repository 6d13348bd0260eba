// One worker process from spawn to end: handshake, signs of life, and why it was killed. Decides nothing about the
// next one and knows no requests.

import { Watchdog } from '../backend/watchdog.js';
import type { AppError } from '../errors.js';
import type { Logger } from '../log.js';
import { Channel, type ChannelListener } from './channel.js';
import { permanentFault, toRunError, toWorkerExit } from './exit-report.js';
import type { LineFault } from './line-parser.js';
import { type SpawnWorker, stopProcess, type WorkerCommand, type WorkerProcess } from './process.js';
import { PROTOCOL_VERSION, type WorkerMessage } from './protocol.js';
import type { ProtocolFaults } from './protocol-faults.js';
import { StderrTail } from './stderr-tail.js';
import type { WorkerExit } from './worker.js';

type Message<T extends WorkerMessage['type']> = Extract<WorkerMessage, { type: T }>;

export interface LifeOptions {
  readonly command: WorkerCommand;
  readonly spawn: SpawnWorker;
  readonly faults: ProtocolFaults;
  readonly logger: Logger;
  /** Longest silence before `ready`; loading may take as long as it likes while it says something. */
  readonly loadSilenceTimeoutMs: number;
  /** Longest silence after `ready`. */
  readonly silenceTimeoutMs: number;
  readonly stopTimeoutMs: number;
}

export interface LifeListener {
  onLoading(message: Message<'loading'>): void;
  onReady(message: Message<'ready'>, channel: Channel): void;
  onHeartbeat(message: Message<'heartbeat'>): void;
  /** Everything about requests, after `ready` only. */
  onMessage(message: WorkerMessage, nowMs: number): void;
  /** Starting it again will not help; the process is on its way out. */
  onPermanentFault(fault: string): void;
  /** It is about to be killed: nothing should be sent any more. */
  onDoomed(): void;
}

export interface LifeEnd {
  readonly exit: WorkerExit;
  /** What the runs that had begun are told. */
  readonly error: AppError;
  /** Null when it died before it was ready. */
  readonly readyForMs: number | null;
  readonly fault: string | null;
}

export class WorkerLife implements ChannelListener {
  /** Resolves after the last message was delivered and the process reaped. */
  readonly ended: Promise<LifeEnd>;
  readonly #options: LifeOptions;
  readonly #listener: LifeListener;
  readonly #process: WorkerProcess;
  readonly #channel: Channel;
  readonly #stderr: StderrTail;
  readonly #watchdog = new Watchdog(() => this.#onSilence());
  #readyAtMs: number | null = null;
  #killedBecause: string | null = null;
  #fault: string | null = null;
  #faultTimer: NodeJS.Timeout | undefined;

  constructor(options: LifeOptions, listener: LifeListener) {
    this.#options = options;
    this.#listener = listener;
    this.#process = options.spawn(options.command);
    this.#channel = new Channel(this.#process.stdout, this.#process.stdin, this);
    this.#stderr = new StderrTail(options.logger);
    this.#process.stderr.on('data', (chunk: Buffer) => this.#stderr.push(chunk));
    this.#process.stderr.on('error', () => {});
    this.#watchdog.watch(options.loadSilenceTimeoutMs);
    this.ended = this.#end();
  }

  get pid(): number | null {
    return this.#process.pid;
  }

  /** SIGKILL to the whole group, now. */
  kill(reason: string): void {
    this.#killedBecause ??= reason;
    this.#listener.onDoomed();
    this.#process.signal('SIGKILL');
  }

  /** shutdown message, SIGTERM, SIGKILL, each after the stop timeout; resolves when reaped. */
  async stop(reason: string): Promise<void> {
    this.#killedBecause ??= reason;
    const ask = (): void => void this.#channel.send({ type: 'shutdown' });
    await stopProcess(this.#process, ask, this.#options.stopTimeoutMs);
  }

  onMessage(message: WorkerMessage): void {
    const nowMs = performance.now();
    this.#watchdog.feed(nowMs);
    if (message.type === 'heartbeat') this.#listener.onHeartbeat(message);
    else if (message.type === 'error' && message.id === null) this.#onFatalError(message.message);
    else if (this.#readyAtMs === null) this.#onLoadingMessage(message);
    else this.#listener.onMessage(message, nowMs);
  }

  onFault(kind: LineFault, line: string): void {
    this.#options.faults.count(kind, line);
    if (kind === 'bad_ready' && this.#readyAtMs === null) this.#onForeignVersion('another version');
  }

  onOverflow(): void {
    this.#options.faults.count('line_too_long', '');
    this.kill('it sent a line longer than the protocol allows');
  }

  #onLoadingMessage(message: WorkerMessage): void {
    if (message.type === 'loading') this.#listener.onLoading(message);
    else if (message.type !== 'ready') this.#options.faults.count('out_of_turn', message.type);
    else if (message.protocol !== PROTOCOL_VERSION) this.#onForeignVersion(`version ${message.protocol}`);
    else {
      this.#readyAtMs = performance.now();
      this.#watchdog.watch(this.#options.silenceTimeoutMs);
      this.#listener.onReady(message, this.#channel);
    }
  }

  #onForeignVersion(version: string): void {
    this.#declareFault(
      `The worker speaks ${version} of the protocol, the gateway version ${PROTOCOL_VERSION}: ` +
        'update both from one checkout.',
    );
    this.kill('it speaks another version of the protocol');
  }

  /** It ends itself after this message; the time it has for that lets its stderr arrive. */
  #onFatalError(message: string): void {
    this.#declareFault(message);
    this.#faultTimer ??= setTimeout(
      () => this.kill('it reported a fault that stays, and went on'),
      this.#options.stopTimeoutMs,
    );
  }

  #declareFault(text: string): void {
    this.#fault ??= text.replace(/\s+/g, ' ');
    this.#listener.onPermanentFault(this.#fault);
  }

  #onSilence(): void {
    const { silenceTimeoutMs, loadSilenceTimeoutMs } = this.#options;
    const timeoutMs = this.#readyAtMs === null ? loadSilenceTimeoutMs : silenceTimeoutMs;
    this.kill(`it gave no sign of life for ${timeoutMs} ms`);
  }

  async #end(): Promise<LifeEnd> {
    const processExit = await this.#process.exit;
    const readyForMs = this.#readyAtMs === null ? null : performance.now() - this.#readyAtMs;
    await this.#channel.ended;
    this.#channel.close();
    this.#watchdog.stop();
    clearTimeout(this.#faultTimer);
    this.#stderr.end();
    const stderr = this.#stderr.lines();
    const exit = toWorkerExit(processExit, this.#killedBecause, stderr, new Date());
    const fault = this.#fault ?? permanentFault(processExit, stderr, this.#options.command);
    return { exit, error: toRunError(exit, this.#killedBecause), readyForMs, fault };
  }
}
