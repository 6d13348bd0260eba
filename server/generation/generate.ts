// How a generation runs: admit, ground while it waits, run, record. The one source of events for every dialect; knows none of them.
import type { Backend, BackendRun, RunOutcome } from '../backend/backend.js';
import type { Exchange } from '../domain/exchange.js';
import type { GenerateRequest, GenerationEvent, GenerationEvents } from '../domain/generation.js';
import type { GenerationRecorder } from '../domain/recorder.js';
import { AppError } from '../errors.js';
import type { Limits } from '../limits/limits.js';
import type { Logger } from '../log.js';
import { NO_SPAN } from '../tracing/untraced.js';
import type { Admission, Ticket } from './admission.js';
import { checkContextLength } from './context-limit.js';
import { ExchangeWatch } from './exchange-watch.js';
import type { Ground, Grounded } from './ground.js';
import { spentTokens } from './limited.js';
import type { LiveExchange, LiveExchanges } from './live-exchanges.js';
import { type ExchangeContext, isWorthKeeping, toExchange, withQueueMs } from './record.js';
import { settlesWithin } from './settles-within.js';
import { checkToolFormat } from './tool-format.js';

/** How soon a change of place is told. */
const POSITION_INTERVAL_MS = 1_000;
/** How long documents are waited for before the first event, while a failure can still be an HTTP error: longer than a query may take. */
const FIRST_EVENT_DELAY_MS = 7_000;

export interface GeneratorParts {
  readonly admission: Admission;
  /** Everything that waits or runs is in it. */
  readonly live: LiveExchanges;
  readonly worker: Backend;
  readonly ground: Ground;
  readonly log: { append(exchange: Exchange): Promise<void> };
  readonly logger: Logger;
  readonly recorder: GenerationRecorder;
  /** Is told what each exchange used, in tokens. */
  readonly limits?: Pick<Limits, 'spend'>;
  /** A waiting request hears its position when it changes, and this often when it does not. */
  readonly queuedIntervalMs: number;
  /** Longest time for a whole answer, counted from the slot. */
  readonly generationTimeoutMs: number;
}

/**
 * Yields `queued` at once, and while it waits on every change of place and every heartbeat, `started`, `token`s and one `done`; the exchange is in
 * the log before `done` is yielded or an error thrown. Refusals (queue_full, context_length_exceeded, …) are thrown by the first
 * `next()`, before any event. A request that is to rest on documents is looked up while it has its place in the line, before
 * the first event where the worker is ready; `grounded` stands before `started`. Aborting the signal leaves the line, or cancels the run; its slot is freed when the
 * worker has said so. One that is cancelled by name (`LiveExchanges`) ends with a `done` of that reason, also in the line.
 */
export type Generate = (
  request: GenerateRequest,
  context: ExchangeContext,
  signal: AbortSignal,
) => GenerationEvents;

export function createGenerate(parts: GeneratorParts): Generate {
  const { admission, live, worker, ground, log, logger, recorder, limits } = parts;

  /** Settles with the worker, not with the reader: a slow client neither holds the slot nor delays the log. */
  async function settle(
    run: BackendRun,
    { ticket, exchange, watch, waitedMs }: Held,
    asked: GenerateRequest,
    grounded: Grounded,
    context: ExchangeContext,
  ): Promise<void> {
    const outcome = await run.settled;
    const endedAt = new Date();
    ticket.release();
    live.remove(exchange);
    limits?.spend(context.share ?? '', spentTokens(grounded.request, outcome));
    const kept: RunOutcome = {
      ...outcome,
      timings: outcome.timings && withQueueMs(outcome.timings, waitedMs),
    };
    const isKept = isWorthKeeping(kept);
    watch.ended(kept, isKept);
    if (isKept) {
      await log.append(toExchange(asked, grounded, context, kept, worker.status(), endedAt));
    }
    logger.debug('exchange ended', {
      id: asked.id,
      request_id: context.requestId,
      status: outcome.status,
      code: outcome.error?.code,
    });
  }

  async function* run(
    request: GenerateRequest,
    context: ExchangeContext,
    leaving: AbortController,
  ): AsyncGenerator<readonly GenerationEvent[]> {
    const { signal } = leaving;
    const askedAtMs = performance.now();
    admission.requireRoom();
    worker.check(request);
    checkToolFormat(worker, request.input);
    await checkContextLength(worker, request.input, signal);
    const enteredAtMs = performance.now();
    const grounding = request.grounding ? ground(request, request.grounding, signal) : null;
    // It is the ticket that fails with it, unless there is none.
    grounding?.catch(() => {});
    const ticket = admission.enter(signal, { share: context.share, prepared: grounding });
    let isCancelled = false;
    const cancel = (): void => {
      isCancelled = true;
      leaving.abort();
    };
    const exchange = toLive(request, context, { ticket, enteredAtMs, cancel });
    live.add(exchange);
    const { dialect, span = NO_SPAN } = context;
    const watch = new ExchangeWatch({ recorder, span, dialect, askedAtMs });
    if (grounding !== null) watch.grounds(grounding);
    let grounded: Grounded = { request, report: null };
    let workerRun: BackendRun;
    let settled: Promise<void>;
    let waitedMs: number;
    let isHandedOver = false;
    let failure: unknown = null;
    try {
      worker.load();
      if (grounding !== null) {
        const delayMs = worker.status().state === 'ready' ? FIRST_EVENT_DELAY_MS : 0;
        await settlesWithin(grounding, delayMs);
      }
      let position = ticket.position();
      yield [toQueued(ticket, position)];
      let toldAtMs = performance.now();
      while (position > 0) {
        await settlesWithin(ticket.granted, Math.min(POSITION_INTERVAL_MS, parts.queuedIntervalMs));
        const before = position;
        position = ticket.position();
        const isSilent = performance.now() - toldAtMs >= parts.queuedIntervalMs;
        if (position === 0 || (position === before && !isSilent)) continue;
        toldAtMs = performance.now();
        yield [toQueued(ticket, position)];
      }
      waitedMs = performance.now() - enteredAtMs;
      // The slot is given when this is there.
      if (grounding !== null) grounded = await grounding;
      const handed = watch.handOver(grounded.request, waitedMs, worker.status().model?.id);
      workerRun = worker.generate(handed, signal);
      exchange.waitedMs = waitedMs;
      exchange.run = workerRun;
      const limit = limitTime(leaving, parts.generationTimeoutMs);
      void workerRun.settled.then(() => clearTimeout(limit));
      settled = settle(workerRun, { ticket, exchange, watch, waitedMs }, request, grounded, context);
      // Its reader is told; one that has left is not, and a rejection that nobody handles would end the process.
      settled.catch(error => logger.error('An exchange could not be settled', { id: request.id, error }));
      isHandedOver = true;
    } catch (error) {
      failure = error;
      if (!isCancelled) throw error;
      yield [toCancelled(performance.now() - enteredAtMs)];
      return;
    } finally {
      // The slot may have been granted while the reader still held a `queued` and then left.
      if (!isHandedOver) {
        ticket.release();
        live.remove(exchange);
        watch.left(failure, signal.aborted);
      }
    }
    let done = false;
    let untold = grounded.report;
    try {
      for await (const told of workerRun.events) {
        const batch: readonly GenerationEvent[] = untold
          ? [{ type: 'grounded', report: untold }, ...told]
          : told;
        untold = null;
        watch.see(batch);
        if (batch.at(-1)?.type !== 'done') {
          yield batch;
          continue;
        }
        await settled;
        done = true;
        yield withTimings(batch, waitedMs);
      }
    } catch (error) {
      await settled;
      throw error;
    }
    if (!done) throw new AppError('incomplete_generation', 'The generation ended without its end.');
  }

  return async function* generate(request, context, signal) {
    // A consumer that only stops reading leaves as surely as one whose signal fires: no slot may outlive its reader.
    const leaving = new AbortController();
    const onAbort = (): void => leaving.abort(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      yield* run(request, context, leaving);
    } finally {
      signal.removeEventListener('abort', onAbort);
      leaving.abort();
    }
  };
}

/** What is given back, and told, when the run has settled. */
interface Held {
  readonly ticket: Ticket;
  readonly exchange: LiveExchange;
  readonly watch: ExchangeWatch;
  readonly waitedMs: number;
}

function toLive(
  { id }: GenerateRequest,
  { dialect, caller }: ExchangeContext,
  place: Pick<LiveExchange, 'ticket' | 'enteredAtMs' | 'cancel'>,
): LiveExchange {
  return { id, dialect, caller, ...place, waitedMs: null, run: null };
}

function toQueued(ticket: Ticket, position: number): GenerationEvent {
  return { type: 'queued', position, estimatedWaitMs: ticket.estimatedWaitMs() };
}

function limitTime(leaving: AbortController, timeoutMs: number): NodeJS.Timeout {
  return setTimeout(() => {
    leaving.abort(new AppError('generation_timeout', `No end within ${timeoutMs} ms of its turn.`));
  }, timeoutMs);
}

/** The end of one that never had a slot. */
function toCancelled(waitedMs: number): GenerationEvent {
  const timings = withQueueMs({ queueMs: 0, prefillMs: 0, decodeMs: 0 }, waitedMs);
  const usage = { promptTokens: 0, cachedTokens: 0, completionTokens: 0 };
  return { type: 'done', reason: 'cancelled', stopSequence: null, usage, timings, numerics: null };
}

function withTimings(batch: readonly GenerationEvent[], waitedMs: number): GenerationEvent[] {
  return batch.map(event =>
    event.type === 'done' ? { ...event, timings: withQueueMs(event.timings, waitedMs) } : event,
  );
}
