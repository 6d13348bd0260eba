// One run: what its client reads, what the worker said about it, and when both are finished. Knows neither channel
// nor process: it asks its host to cancel it or to replace the worker.

import { toFailure } from '../backend/cancellation.js';
import { EventBatches } from '../backend/event-batches.js';
import { Watchdog } from '../backend/watchdog.js';
import type { GenerateRequest, GenerationEvent } from '../domain/generation.js';
import { GrowingText } from '../domain/growing-text.js';
import { AppError, isErrorCode } from '../errors.js';
import { fromWireLogprob, fromWireTimings, fromWireUsage, type WorkerMessage } from './protocol.js';
import { RunMeter } from './run-meter.js';
import type { RunOutcome, WorkerRun } from './worker.js';

/** Unread text at which a client counts as gone, in UTF-16 units. */
export const MAX_UNREAD_LENGTH = 1024 * 1024;
/** A run is sent once more after its worker died, never a third time. */
const MAX_DELIVERIES = 2;

export interface RunTimeouts {
  /** From delivery to the first token; the clock rests while the worker says that it is delayed. */
  readonly firstTokenMs: number;
  readonly tokenGapMs: number;
  /** From a cancel to its acknowledgement. */
  readonly stopMs: number;
}

export interface RunHost {
  sendCancel(run: Run): void;
  replaceWorker(reason: string): void;
  /** Its client has been given the first text of it, which comes once. */
  onFirstText(run: Run): void;
  onSettled(run: Run): void;
  /** A step brought more tokens of a run. */
  onGap(ms: number): void;
}

type StartedMessage = Extract<WorkerMessage, { type: 'started' }>;
type DoneMessage = Extract<WorkerMessage, { type: 'done' }>;
type TokenItem = Extract<WorkerMessage, { type: 'tokens' }>['items'][number];
type TokenEvent = Extract<GenerationEvent, { type: 'token' }>;
/** `leaving`: over for the client, not yet for the worker. */
type Phase = 'waiting' | 'running' | 'leaving' | 'settled';

export class Run implements WorkerRun {
  readonly request: GenerateRequest;
  readonly events = new EventBatches(() => this.#leave(null));
  readonly settled: Promise<RunOutcome>;
  readonly #resolve: (outcome: RunOutcome) => void;
  readonly #host: RunHost;
  readonly #timeouts: RunTimeouts;
  readonly #signal: AbortSignal;
  readonly #watchdog = new Watchdog(() => this.#onSilence());
  #phase: Phase = 'waiting';
  /** How it ended for the client: an error, or null for a cancel. */
  #verdict: AppError | null = null;
  #delivery = { isWritten: false };
  #deliveries = 0;
  #meter = new RunMeter();
  #isStartedTold = false;
  readonly #text = new GrowingText();
  /** Tokens without text so far: told with the first text, so that a second delivery cannot tell them twice. */
  #held: TokenEvent[] = [];

  constructor(request: GenerateRequest, signal: AbortSignal, timeouts: RunTimeouts, host: RunHost) {
    this.request = request;
    this.#host = host;
    this.#timeouts = timeouts;
    this.#signal = signal;
    let resolve: (outcome: RunOutcome) => void = () => {};
    this.settled = new Promise(onResolve => {
      resolve = onResolve;
    });
    this.#resolve = resolve;
    signal.addEventListener('abort', this.#onAbort, { once: true });
    if (signal.aborted) this.#onAbort();
  }

  get tokens(): number {
    return this.#meter.usage().completionTokens;
  }

  get isSettled(): boolean {
    return this.#phase === 'settled';
  }

  /** Its line is on the way to a worker; the result is to be called when the line is known to be written. */
  deliver(): () => void {
    const delivery = { isWritten: false };
    this.#delivery = delivery;
    this.#phase = 'running';
    this.#meter = new RunMeter();
    this.#meter.sent(performance.now());
    this.#watchdog.watch(this.#timeouts.firstTokenMs);
    return () => {
      delivery.isWritten = true;
    };
  }

  /** The worker goes on and has no room for it yet: waiting for that is no fault. */
  onDelayed(nowMs: number): void {
    if (this.#phase === 'running' && !this.#meter.isStarted) this.#watchdog.feed(nowMs);
  }

  /** False when this delivery was acknowledged before. */
  onStarted(message: StartedMessage, nowMs: number): boolean {
    if (this.#meter.isStarted) return false;
    const { prompt_tokens: promptTokens, cached_tokens: cachedTokens } = message;
    this.#meter.started(promptTokens, cachedTokens, nowMs);
    if (!this.#isStartedTold) this.events.push({ type: 'started', promptTokens, cachedTokens });
    this.#isStartedTold = true;
    return true;
  }

  onTokens(item: TokenItem, nowMs: number): void {
    const [, text, tokens, logprobs] = item;
    const gapMs = this.#meter.tokens(tokens, nowMs);
    const hadText = !this.#text.isEmpty;
    this.#text.append(text);
    if (this.#phase !== 'running') return;
    if (gapMs === null) this.#watchdog.watch(this.#timeouts.tokenGapMs);
    else {
      this.#watchdog.feed(nowMs);
      this.#host.onGap(gapMs);
    }
    const event: TokenEvent =
      logprobs === undefined
        ? { type: 'token', text, tokens }
        : { type: 'token', text, tokens, logprobs: logprobs.map(fromWireLogprob) };
    if (text === '' && !hadText) {
      this.#held.push(event);
      return;
    }
    if (!hadText) this.#tellHeld();
    this.events.push(event);
    if (!hadText) this.#host.onFirstText(this);
    if (this.events.unreadLength > MAX_UNREAD_LENGTH) this.#leaveSlowClient();
  }

  onDone(message: DoneMessage): void {
    const { reason, stop_sequence: stopSequence } = message;
    const usage = fromWireUsage(message.usage);
    const timings = fromWireTimings(message.timings);
    if (this.#phase === 'leaving') {
      this.#settleVerdict(usage, timings);
      return;
    }
    this.#tellHeld();
    const { numerics, context } = message;
    const extra = context === undefined ? {} : { context };
    this.events.push({ type: 'done', reason, stopSequence, usage, timings, numerics, ...extra });
    this.events.end();
    const status = reason === 'cancelled' ? 'cancelled' : 'completed';
    this.#settle({ status, reason, error: null, text: String(this.#text), usage, timings, numerics });
  }

  /** Codes are the gateway's own; one it does not know becomes worker_error. */
  onError(code: string, message: string): void {
    if (this.#phase === 'leaving') this.#settleVerdict();
    else this.#fail(new AppError(isErrorCode(code) ? code : 'worker_error', message));
  }

  /**
   * The worker is gone. `suspect`: it had this run and nobody has seen text of it; `unsent`: it never got it. Both
   * wait for the next worker.
   */
  onWorkerGone(error: AppError): 'settled' | 'suspect' | 'unsent' {
    if (this.#delivery.isWritten) this.#deliveries += 1;
    if (this.#phase === 'leaving') this.#settleVerdict();
    else if (!this.#text.isEmpty || this.#deliveries >= MAX_DELIVERIES) this.#fail(error);
    if (this.isSettled) return 'settled';
    this.#phase = 'waiting';
    this.#held = [];
    this.#watchdog.stop();
    return this.#delivery.isWritten ? 'suspect' : 'unsent';
  }

  /** Over for the client, without a word to the worker; settles at once when no worker has it. */
  dismiss(error: AppError): void {
    if (this.#phase === 'waiting') this.#fail(error);
    if (this.#phase !== 'running') return;
    this.#watchdog.stop();
    this.#beginLeaving(error);
  }

  readonly #onAbort = (): void => this.#leave(toFailure(this.#signal.reason));

  #leaveSlowClient(): void {
    this.events.discardUnread();
    this.#leave(
      new AppError('client_too_slow', `More than ${MAX_UNREAD_LENGTH} characters were waiting to be read.`),
    );
  }

  #onSilence(): void {
    const { firstTokenMs, tokenGapMs, stopMs } = this.#timeouts;
    if (this.#phase === 'leaving') {
      this.#host.replaceWorker(`it did not acknowledge a cancel within ${stopMs} ms`);
      return;
    }
    this.#leave(
      this.#meter.hasTokens
        ? new AppError('token_gap_timeout', `No token for ${tokenGapMs} ms.`)
        : new AppError('first_token_timeout', `No token within ${firstTokenMs} ms of the prompt being sent.`),
    );
  }

  /** Ends it for the client; the worker is told to stop and has the stop timeout to say that it did. */
  #leave(error: AppError | null): void {
    if (this.#phase === 'waiting') {
      this.#close(error);
      this.#settleVerdict();
    }
    if (this.#phase !== 'running') return;
    this.#beginLeaving(error);
    this.#watchdog.watch(this.#timeouts.stopMs);
    this.#host.sendCancel(this);
  }

  #beginLeaving(error: AppError | null): void {
    this.#phase = 'leaving';
    this.#close(error);
  }

  #close(error: AppError | null): void {
    this.#verdict = error;
    if (error) {
      this.events.fail(error);
      return;
    }
    const usage = this.#meter.usage();
    const timings = this.#meter.timings();
    const reason = 'cancelled';
    this.events.push({ type: 'done', reason, stopSequence: null, usage, timings, numerics: null });
    this.events.end();
  }

  #fail(error: AppError): void {
    this.#close(error);
    this.#settleVerdict();
  }

  /** With the worker's own figures, or ours when it had begun and could not tell. */
  #settleVerdict(
    usage = this.#meter.isStarted ? this.#meter.usage() : null,
    timings = this.#meter.isStarted ? this.#meter.timings() : null,
  ): void {
    const error = this.#verdict;
    const told = { text: String(this.#text), usage, timings, numerics: null };
    if (error) this.#settle({ status: 'failed', reason: null, error, ...told });
    else this.#settle({ status: 'cancelled', reason: 'cancelled', error, ...told });
  }

  #settle(outcome: RunOutcome): void {
    this.#phase = 'settled';
    this.#watchdog.stop();
    this.#signal.removeEventListener('abort', this.#onAbort);
    this.#resolve(outcome);
    this.#host.onSettled(this);
  }

  #tellHeld(): void {
    for (const event of this.#held) this.events.push(event);
    this.#held = [];
  }
}
