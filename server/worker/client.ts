// Request id -> run: who waits for a worker, who is in it, and who is under suspicion of having killed the last one.
// Knows no process: it is told when a channel opens and when its worker is gone.
import type { Embedding, EmbedInput, EmbedOptions } from '../domain/embedding.js';
import type { GenerateRequest, GenerationInput } from '../domain/generation.js';
import type { TokenRecorder } from '../domain/recorder.js';
import { AppError, toAppError } from '../errors.js';
import { type Answer, Calls, type CallType, type Question } from './calls.js';
import type { Channel } from './channel.js';
import { ChannelGate } from './channel-gate.js';
import { toBatches, toEmbeddings } from './embed-batches.js';
import { toGenerateMessage, toWireInput, type WorkerMessage } from './protocol.js';
import type { ProtocolFaults } from './protocol-faults.js';
import { Run, type RunHost, type RunTimeouts } from './run.js';
import type { WorkerRun } from './worker.js';

const LOADING_RETRY_AFTER_MS = 5_000;
/** Texts are asked about once more after the worker died, never a third time. */
const MAX_EMBED_ASKS = 2;

export interface ClientOptions {
  readonly timeouts: RunTimeouts;
  readonly faults: ProtocolFaults;
  readonly recorder: TokenRecorder;
  /** The worker does not obey: it is to be killed, which ends in `disconnect`. */
  readonly replaceWorker: (reason: string) => void;
}

export class WorkerClient implements RunHost {
  readonly #options: ClientOptions;
  readonly #calls: Calls;
  readonly #gate = new ChannelGate();
  /** Of the worker that lives, also while it gets nothing new. */
  #channel: Channel | null = null;
  #slots = 0;
  /** In order of arrival. */
  #waiting = new Set<Run>();
  /**
   * Were in a worker when it died, and had not begun: any of them may be what killed it. They are sent again one at
   * a time, before all others, so that a poisonous prompt can only kill itself. Once the last of them has text, its
   * prompt was none, and the others need not wait for its whole answer.
   */
  readonly #suspects = new Set<Run>();
  /** In order of delivery. */
  readonly #inWorker = new Map<string, Run>();

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#calls = new Calls({
      shortMs: options.timeouts.tokenGapMs,
      longMs: options.timeouts.firstTokenMs,
    });
  }

  /** Runs the worker has and has not finished with. */
  get running(): number {
    return this.#inWorker.size;
  }

  /** Somebody waits for something. */
  get isBusy(): boolean {
    return this.#waiting.size + this.#suspects.size + this.#inWorker.size + this.#calls.size > 0;
  }

  /** The worker has something to do. */
  get isAtWork(): boolean {
    return this.#inWorker.size + this.#calls.size > 0;
  }

  generate(request: GenerateRequest, signal: AbortSignal): WorkerRun {
    const run = new Run(request, signal, this.#options.timeouts, this);
    if (this.#gate.refusal) run.dismiss(this.#gate.refusal);
    if (run.isSettled) return run;
    this.#waiting.add(run);
    this.#deliver();
    return run;
  }

  async tokenize(input: GenerationInput, signal: AbortSignal): Promise<number> {
    return (await this.#ask('tokenize', toWireInput(input), signal)).tokens;
  }

  async detokenize(tokenIds: readonly number[], signal: AbortSignal): Promise<string> {
    return (await this.#ask('detokenize', { token_ids: [...tokenIds] }, signal)).text;
  }

  async embed(
    inputs: readonly EmbedInput[],
    options: EmbedOptions,
    signal: AbortSignal,
  ): Promise<readonly Embedding[]> {
    const embeddings: Embedding[] = [];
    for (const batch of toBatches(inputs)) embeddings.push(...(await this.#embed(batch, options, signal)));
    return embeddings;
  }

  async #embed(batch: EmbedInput[], { truncate }: EmbedOptions, signal: AbortSignal): Promise<Embedding[]> {
    const question = {
      inputs: batch.map(input => (typeof input === 'string' ? input : [...input])),
      truncate,
    };
    for (let asked = 1; ; asked++) {
      const channel = await this.#gate.wait(signal);
      try {
        return toEmbeddings(await this.#calls.ask(channel, 'embed', question, signal), batch.length);
      } catch (error) {
        const { code, cause } = toAppError(error);
        if (code !== 'model_loading') throw error;
        if (asked === MAX_EMBED_ASKS) throw cause;
      }
    }
  }

  async #ask<Type extends CallType>(
    type: Type,
    question: Question<Type>,
    signal: AbortSignal,
  ): Promise<Answer<Type>> {
    if (this.#gate.refusal) throw this.#gate.refusal;
    if (this.#channel === null) {
      throw new AppError('model_loading', 'The model is loading.', { retryAfterMs: LOADING_RETRY_AFTER_MS });
    }
    return this.#calls.ask(this.#channel, type, question, signal);
  }

  /** A worker is ready: those who wait are sent to it, never more at once than it has slots. */
  connect(channel: Channel, slots: number): void {
    this.#slots = slots;
    this.#channel = channel;
    this.#gate.open(channel);
    this.#deliver();
  }

  /** The worker gets no new work, which waits for the next one; what it has goes on. */
  rest(): void {
    this.#gate.close();
  }

  /** The worker is about to be killed: nothing more is sent to it. */
  detach(): void {
    this.#channel = null;
    this.#gate.close();
  }

  /** The worker is gone: what had begun fails with the error, the rest waits for the next one. */
  disconnect(error: AppError): void {
    this.detach();
    this.#calls.rejectAll(new AppError('model_loading', error.message, { cause: error }));
    const runs = [...this.#inWorker.values()];
    this.#inWorker.clear();
    const unsent: Run[] = [];
    for (const run of runs) {
      const fate = run.onWorkerGone(error);
      if (fate === 'suspect') this.#suspects.add(run);
      else if (fate === 'unsent' && !this.#suspects.has(run)) unsent.push(run);
    }
    this.#waiting = new Set([...unsent, ...this.#waiting]);
    if (this.#gate.refusal) this.refuse(this.#gate.refusal);
  }

  /** There is no worker to wait for: everyone is told so, until the next `connect`. */
  refuse(error: AppError): void {
    this.#gate.refuse(error);
    for (const run of [...this.#suspects, ...this.#waiting]) {
      if (!this.#inWorker.has(run.request.id)) run.dismiss(error);
    }
  }

  /** The gateway stops: runs end now for their clients, and settle when the worker is gone. */
  shutDown(error: AppError): void {
    this.refuse(error);
    this.#calls.rejectAll(error);
    for (const run of this.#inWorker.values()) run.dismiss(error);
  }

  onMessage(message: WorkerMessage, nowMs: number): void {
    switch (message.type) {
      case 'tokens':
        for (const item of message.items) {
          const run = this.#inWorker.get(item[0]);
          if (run === undefined) this.#countUnknown(message.type, item[0]);
          else run.onTokens(item, nowMs);
        }
        return;
      case 'delayed':
        for (const id of message.ids) this.#find(message.type, id)?.onDelayed(nowMs);
        return;
      case 'started': {
        const run = this.#find(message.type, message.id);
        if (run && !run.onStarted(message, nowMs)) {
          this.#options.faults.count('out_of_turn', `started ${message.id}`);
        }
        return;
      }
      case 'done':
        this.#find(message.type, message.id)?.onDone(message);
        return;
      case 'error': {
        const id = message.id ?? '';
        if (this.#calls.onError(id, message.code, message.message)) return;
        this.#find(message.type, id)?.onError(message.code, message.message);
        return;
      }
      case 'tokenized':
      case 'detokenized':
      case 'embeddings':
        if (!this.#calls.onAnswer(message)) this.#countUnknown(message.type, message.id);
        return;
      default:
        this.#options.faults.count('out_of_turn', message.type);
    }
  }

  sendCancel(run: Run): void {
    void this.#channel?.send({ type: 'cancel', id: run.request.id });
  }

  replaceWorker(reason: string): void {
    this.#options.replaceWorker(reason);
  }

  onGap(ms: number): void {
    this.#options.recorder.gap(ms);
  }

  onFirstText(run: Run): void {
    if (this.#suspects.delete(run)) this.#deliver();
  }

  onSettled(run: Run): void {
    this.#waiting.delete(run);
    this.#suspects.delete(run);
    if (this.#inWorker.get(run.request.id) === run) this.#inWorker.delete(run.request.id);
    this.#deliver();
  }

  #deliver(): void {
    const channel = this.#gate.channel;
    if (channel === null || this.#gate.refusal) return;
    const [suspect] = this.#suspects;
    if (suspect) {
      if (this.#inWorker.size === 0) this.#send(channel, suspect);
      return;
    }
    for (const run of this.#waiting) {
      if (this.#inWorker.size >= this.#slots) return;
      this.#waiting.delete(run);
      this.#send(channel, run);
    }
  }

  #send(channel: Channel, run: Run): void {
    const onWritten = run.deliver();
    this.#inWorker.set(run.request.id, run);
    let written: Promise<boolean>;
    try {
      written = channel.send(toGenerateMessage(run.request));
    } catch (error) {
      const { code, message } = toAppError(error);
      run.onError(code, message);
      return;
    }
    void written.then(ok => {
      if (ok) onWritten();
    });
  }

  #find(type: WorkerMessage['type'], id: string): Run | undefined {
    const run = this.#inWorker.get(id);
    if (run === undefined) this.#countUnknown(type, id);
    return run;
  }

  #countUnknown(type: WorkerMessage['type'], id: string): void {
    this.#options.faults.count('unknown_id', `${type} ${id}`);
  }
}
