// One answer of another server: what its client reads, what was said, and when both are finished. Tries again only while
// nothing has been said. Knows no queue and no dialect.
import { setTimeout as sleep } from 'node:timers/promises';
import type OpenAI from 'openai';
import type { BackendRun, RunOutcome } from '../backend/backend.js';
import { toFailure as toCancelFailure } from '../backend/cancellation.js';
import { EventBatches } from '../backend/event-batches.js';
import { Watchdog } from '../backend/watchdog.js';
import type { GenerateRequest, GenerationEvent, Timings, Usage } from '../domain/generation.js';
import { GrowingText } from '../domain/growing-text.js';
import type { TokenRecorder } from '../domain/recorder.js';
import { AppError, type ErrorCode } from '../errors.js';
import { estimateTokens } from './token-estimate.js';
import { traceHeaders } from './trace-headers.js';
import { requireStream } from './upstream-answer.js';
import { type Failure, toFailure } from './upstream-failure.js';
import { CallAssembly, fromChatChunk, fromTextChunk, type Piece, toReason } from './upstream-parts.js';
import { inForce, type RequestOptions, toChatParams, toTextParams } from './upstream-request.js';

/** Unread text at which a client counts as gone, in UTF-16 units. */
const MAX_UNREAD_LENGTH = 1024 * 1024;
const MAX_RETRIES = 2;
/** How long an answer that has its end is waited for its figures. */
const LINGER_MS = 2_000;

export interface UpstreamTimeouts {
  /** From the first request to the first word, all tries together. */
  readonly firstTokenMs: number;
  readonly tokenGapMs: number;
  readonly wholeMs: number;
  /** Before the first retry; doubled for the second. */
  readonly backoffMs: number;
}

export interface RunParts extends RequestOptions {
  readonly client: OpenAI;
  readonly url: string;
  readonly apiKey: string;
  readonly timeouts: UpstreamTimeouts;
  readonly recorder: TokenRecorder;
  /** How the other server has just answered. */
  readonly onAnswer: (failure: Failure | null) => void;
  /** Jitter, uniform in [0, 1). */
  readonly random: () => number;
}

export class UpstreamRun implements BackendRun {
  readonly events = new EventBatches(() => this.#leave(null));
  readonly settled: Promise<RunOutcome>;
  readonly #request: GenerateRequest;
  readonly #parts: RunParts;
  readonly #controller = new AbortController();
  readonly #watchdog = new Watchdog(() => this.#onSilence());
  readonly #sentAtMs = performance.now();
  readonly #calls: CallAssembly;
  #startedAtMs: number | null = null;
  #firstAtMs: number | null = null;
  #lastAtMs = 0;
  readonly #text = new GrowingText();
  #tokens = 0;
  #callCount = 0;
  #usage: Usage | null = null;
  #finish: string | null = null;
  /** How it ended for the client; undefined while it runs. */
  #verdict: AppError | null | undefined;

  constructor(request: GenerateRequest, signal: AbortSignal, parts: RunParts) {
    this.#request = request;
    this.#parts = parts;
    this.#calls = new CallAssembly(request.id);
    const onAbort = (): void => this.#leave(toCancelFailure(signal.reason));
    const whole = setTimeout(
      () => this.#timeOut('generation_timeout', `No end within ${parts.timeouts.wholeMs} ms.`),
      parts.timeouts.wholeMs,
    );
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    this.settled = this.#work().finally(() => {
      clearTimeout(whole);
      this.#watchdog.stop();
      signal.removeEventListener('abort', onAbort);
    });
  }

  get tokens(): number {
    return this.#tokens;
  }

  /** Over for the client; settles when the connection is closed. */
  dismiss(error: AppError): void {
    this.#leave(error);
  }

  async #work(): Promise<RunOutcome> {
    this.#watchdog.watch(this.#parts.timeouts.firstTokenMs);
    for (let tried = 0; this.#verdict === undefined; tried++) {
      try {
        await this.#ask();
        if (this.#verdict === undefined) return this.#complete();
      } catch (thrown) {
        if (this.#verdict !== undefined) break;
        if (this.#finish !== null) return this.#complete();
        const failure = toFailure(thrown, this.#parts);
        this.#parts.onAnswer(failure);
        const delayMs = this.#retryDelayMs(failure, tried);
        if (delayMs === null) this.#leave(this.#toVerdict(failure));
        else await sleep(delayMs, undefined, { signal: this.#controller.signal }).catch(() => {});
      }
    }
    return this.#outcome(this.#verdict ?? null);
  }

  /** @returns when the other server has said all @throws whatever goes wrong */
  async #ask(): Promise<void> {
    const { client } = this.#parts;
    const { input, sampling, trace } = this.#request;
    const options = { signal: this.#controller.signal, headers: traceHeaders(trace) };
    if (input.messages === undefined) {
      const params = toTextParams(input.prompt ?? '', sampling, this.#parts);
      await this.#read(client.completions.create(params, options), fromTextChunk);
    } else {
      const params = toChatParams(input, sampling, this.#parts);
      await this.#read(client.chat.completions.create(params, options), fromChatChunk);
    }
    if (this.#finish !== null || this.#verdict !== undefined) return;
    throw new TypeError('the stream ended before the answer did');
  }

  async #read<Chunk>(
    asked: PromiseLike<AsyncIterable<Chunk>> & {
      withResponse(): Promise<{ data: AsyncIterable<Chunk>; response: Response }>;
    },
    toPiece: (chunk: Chunk) => Piece,
  ): Promise<void> {
    const { data, response } = await asked.withResponse();
    await requireStream(response, this.#parts);
    this.#onStarted();
    for await (const chunk of data) {
      this.#onPiece(toPiece(chunk));
      if (this.#verdict !== undefined) return;
    }
  }

  get #hasSaid(): boolean {
    return this.#firstAtMs !== null;
  }

  #onStarted(): void {
    if (this.#startedAtMs !== null) return;
    this.#startedAtMs = performance.now();
    const promptTokens = estimateTokens(this.#request.input);
    this.events.push({ type: 'started', promptTokens, cachedTokens: 0 });
  }

  #onPiece({ text, logprobs, isAlive, calls, finish, usage }: Piece): void {
    const nowMs = performance.now();
    if (isAlive) {
      if (this.#firstAtMs === null) {
        this.#firstAtMs = nowMs;
        this.#watchdog.watch(this.#parts.timeouts.tokenGapMs);
        this.#parts.onAnswer(null);
      } else {
        this.#watchdog.feed(nowMs);
        this.#parts.recorder.gap(nowMs - this.#lastAtMs);
      }
      this.#lastAtMs = nowMs;
    }
    this.#usage = usage ?? this.#usage;
    if (text !== '' || logprobs !== null) {
      this.#text.append(text);
      this.#tokens += 1;
      this.events.push({ type: 'token', text, tokens: 1, ...(logprobs === null ? {} : { logprobs }) });
    }
    for (const part of calls) this.#onCall(this.#calls.add(part));
    if (finish !== null && this.#finish === null) {
      this.#finish = finish;
      this.#watchdog.watch(LINGER_MS);
    }
    if (this.events.unreadLength > MAX_UNREAD_LENGTH) {
      this.events.discardUnread();
      this.#leave(
        new AppError('client_too_slow', `More than ${MAX_UNREAD_LENGTH} characters were waiting to be read.`),
      );
    }
  }

  /** The log has calls in its text, as most models write them. */
  #onCall(call: ReturnType<CallAssembly['end']>): void {
    if (call === null) return;
    const separator = this.#text.isEmpty ? '' : '\n';
    this.#text.append(
      `${separator}<tool_call>\n{"name": ${JSON.stringify(call.name)}, "arguments": ${call.arguments}}\n</tool_call>`,
    );
    this.events.push({ type: 'tool_call', index: this.#callCount, call });
    this.#callCount += 1;
  }

  #complete(): RunOutcome {
    try {
      this.#onCall(this.#calls.end());
      const reason = toReason(this.#finish ?? '', this.#parts.url);
      this.#parts.onAnswer(null);
      const outcome = { ...this.#outcome(null), status: 'completed' as const, reason };
      this.events.push(this.#doneEvent(reason));
      this.events.end();
      return outcome;
    } catch (error) {
      this.#leave(error as AppError);
      return this.#outcome(error as AppError);
    }
  }

  #doneEvent(reason: 'stop' | 'length' | 'cancelled'): GenerationEvent {
    const usage = this.#usage ?? {
      promptTokens: this.#startedAtMs === null ? 0 : estimateTokens(this.#request.input),
      cachedTokens: 0,
      completionTokens: this.#tokens,
    };
    return { type: 'done', reason, stopSequence: null, usage, timings: this.#timings(), numerics: null };
  }

  /** Null for a failure that is to be told: there were tries enough, or the other server wants more time than there is. */
  #retryDelayMs({ isPassing, retryAfterMs }: Failure, tried: number): number | null {
    if (!isPassing || this.#hasSaid || tried >= MAX_RETRIES) return null;
    const { timeouts, random } = this.#parts;
    const backoffMs = timeouts.backoffMs * 2 ** tried * (1 - random() / 4);
    const delayMs = Math.max(backoffMs, retryAfterMs ?? 0);
    const leftMs = this.#sentAtMs + timeouts.firstTokenMs - performance.now();
    return delayMs < leftMs ? delayMs : null;
  }

  #onSilence(): void {
    const { firstTokenMs, tokenGapMs } = this.#parts.timeouts;
    if (this.#finish !== null) {
      // It has said all but its figures: what is read ends here.
      this.#controller.abort();
      return;
    }
    if (this.#hasSaid) this.#timeOut('token_gap_timeout', `No token for ${tokenGapMs} ms.`);
    else {
      this.#timeOut('first_token_timeout', `No token within ${firstTokenMs} ms of the prompt being sent.`);
    }
  }

  /** A connection that breaks within an answer is not the same as one that never was. */
  #toVerdict({ error }: Failure): AppError {
    if (!this.#hasSaid || error.code !== 'upstream_unavailable') return error;
    return new AppError('incomplete_generation', error.message, { cause: error.cause });
  }

  #timeOut(code: ErrorCode, message: string): void {
    this.#leave(new AppError(code, `${this.#parts.url}: ${message}`));
  }

  /** Ends it for the client and closes the connection; null is a cancel. */
  #leave(error: AppError | null): void {
    if (this.#verdict !== undefined) return;
    this.#verdict = error;
    if (error === null) {
      this.events.push(this.#doneEvent('cancelled'));
      this.events.end();
    } else this.events.fail(error);
    this.#watchdog.stop();
    this.#controller.abort();
  }

  #outcome(error: AppError | null): RunOutcome {
    const isStarted = this.#startedAtMs !== null;
    return {
      status: error === null ? 'cancelled' : 'failed',
      reason: error === null ? 'cancelled' : null,
      error,
      text: String(this.#text),
      usage: this.#usage,
      timings: isStarted ? this.#timings() : null,
      numerics: null,
      parameters: inForce(this.#request.sampling),
    };
  }

  #timings(): Timings {
    const startedAtMs = this.#startedAtMs ?? this.#sentAtMs;
    const firstAtMs = this.#firstAtMs ?? startedAtMs;
    return {
      queueMs: toMicros(startedAtMs - this.#sentAtMs),
      prefillMs: toMicros(firstAtMs - startedAtMs),
      decodeMs: toMicros(Math.max(0, this.#lastAtMs - firstAtMs)),
    };
  }
}

function toMicros(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
