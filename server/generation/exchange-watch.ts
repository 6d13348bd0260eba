// One exchange as it is seen from outside: counted by the metrics, and as spans of its request's trace. Knows no queue and
// no backend.
import type { RunOutcome } from '../backend/backend.js';
import type { GenerateRequest, GenerationEvent } from '../domain/generation.js';
import type { ExchangeRecorder, GenerationRecorder } from '../domain/recorder.js';
import type { Span, SpanAttributes } from '../domain/trace.js';
import { toAppError } from '../errors.js';

const NOTHING_DONE = { usage: null, timings: null, isKept: false };

export interface WatchOptions {
  readonly recorder: GenerationRecorder;
  /** Of the request that asks. */
  readonly span: Span;
  readonly dialect: string;
  /** By `performance.now()`. */
  readonly askedAtMs: number;
}

/** From its place in the line to its end. Names of attributes are those of OpenTelemetry's conventions for generative AI. */
export class ExchangeWatch {
  readonly #record: ExchangeRecorder;
  readonly #span: Span;
  readonly #queue: Span;
  readonly #askedAtMs: number;
  #run: Span | null = null;
  #hasText = false;

  constructor({ recorder, span, dialect, askedAtMs }: WatchOptions) {
    this.#record = recorder.exchange(dialect);
    this.#span = span;
    this.#queue = span.child('queue', { attributes: { 'minivault.dialect': dialect } });
    this.#askedAtMs = askedAtMs;
  }

  /** Documents are looked up while it waits. */
  grounds(grounding: Promise<unknown>): void {
    const lookUp = this.#queue.child('retrieval');
    grounding.catch(error => lookUp.fail(toAppError(error).code)).finally(() => lookUp.end());
  }

  /** It never had a slot, or gave it back unused. @param failure null when its reader left */
  left(failure: unknown, hasLeft: boolean): void {
    const code = failure === null || hasLeft ? 'cancelled' : toAppError(failure).code;
    this.#record.ended(code === 'cancelled' ? 'cancelled_queued' : 'failed', NOTHING_DONE);
    this.#queue.fail(code);
    this.#queue.end();
  }

  /** Its slot is given. @returns the request with its trace, for the backend */
  handOver(request: GenerateRequest, waitedMs: number, model: string | undefined): GenerateRequest {
    this.#record.granted(waitedMs);
    this.#queue.end();
    const operation = request.input.messages === undefined ? 'text_completion' : 'chat';
    this.#run = this.#span.child(model === undefined ? operation : `${operation} ${model}`, {
      kind: 'client',
      attributes: requestAttributes(request, operation, model),
    });
    const { context } = this.#run;
    return context === null ? request : { ...request, trace: context };
  }

  /** Has to see every batch until the first text. */
  see(batch: readonly GenerationEvent[]): void {
    if (this.#hasText || !batch.some(hasSaid)) return;
    this.#hasText = true;
    this.#record.firstToken(performance.now() - this.#askedAtMs);
  }

  /** The backend has finished with it. */
  ended(outcome: RunOutcome, isKept: boolean): void {
    const { status, usage, timings } = outcome;
    this.#record.ended(status, { usage, timings, isKept });
    const run = this.#run;
    if (run === null) return;
    const endedAtMs = performance.now();
    if (timings !== null) {
      const decodeAtMs = endedAtMs - timings.decodeMs;
      const prefill = run.child('prefill', { startedAtMs: decodeAtMs - timings.prefillMs });
      if (usage !== null) {
        prefill.set({
          'gen_ai.usage.input_tokens': usage.promptTokens,
          'gen_ai.usage.cache_read.input_tokens': usage.cachedTokens,
        });
      }
      prefill.end(decodeAtMs);
      const decode = run.child('decode', { startedAtMs: decodeAtMs });
      if (usage !== null) decode.set({ 'gen_ai.usage.output_tokens': usage.completionTokens });
      decode.end(endedAtMs);
    }
    run.set(outcomeAttributes(outcome));
    if (outcome.error !== null) run.fail(outcome.error.code);
    else if (status === 'cancelled') run.fail('cancelled');
    run.end(endedAtMs);
  }
}

function hasSaid({ type }: GenerationEvent): boolean {
  return type === 'token' || type === 'tool_call';
}

/** What is asked in words stays here. */
function requestAttributes(
  { id, sampling }: GenerateRequest,
  operation: string,
  model: string | undefined,
): SpanAttributes {
  return {
    'gen_ai.operation.name': operation,
    'gen_ai.provider.name': 'minivault',
    'gen_ai.response.id': id,
    ...(model === undefined ? {} : { 'gen_ai.request.model': model }),
    'gen_ai.request.max_tokens': sampling.maxTokens,
    'gen_ai.request.temperature': sampling.temperature,
    'gen_ai.request.top_p': sampling.topP,
    'gen_ai.request.seed': sampling.seed,
  };
}

function outcomeAttributes({ reason, usage, numerics }: RunOutcome): SpanAttributes {
  return {
    ...(reason === null ? {} : { 'gen_ai.response.finish_reasons': [reason] }),
    ...(numerics === null ? {} : { 'minivault.numerics': numerics }),
    ...(usage === null
      ? {}
      : {
          'gen_ai.usage.input_tokens': usage.promptTokens,
          'gen_ai.usage.cache_read.input_tokens': usage.cachedTokens,
          'gen_ai.usage.output_tokens': usage.completionTokens,
        }),
  };
}
