// Makes a request rest on stored documents: finds what is near its question, puts in what the context holds, and tells
// what it did. Needs the worker but no slot. Knows no dialect.
import type { Backend } from '../backend/backend.js';
import type { ChatInput, GenerateRequest } from '../domain/generation.js';
import type { GroundingAsk, GroundingReport } from '../domain/grounding.js';
import { AppError, toAppError } from '../errors.js';
import type { Logger } from '../log.js';
import { queriesOf } from '../retrieval/augment.js';
import { type Fitted, fitSources } from '../retrieval/fit-sources.js';
import { type Found, lookUp } from '../retrieval/look-up.js';
import type { StoredDocuments } from '../retrieval/stored-documents.js';
import { createDeferred } from './deferred.js';
import { workerReady } from './worker-ready.js';

/** From when the worker is ready. The first lookup loads the embedder, which takes some seconds. */
const LOOKUP_TIMEOUT_MS = 30_000;
/** Of the context, kept for the answer however many tokens it may have. */
const ANSWER_SHARE = 1 / 4;
const MAX_COUNT_TRIES = 3;
/**
 * What the sources say is to be repeated: a penalty that looks at them, too, halves the answers that get a fact right (6 of
 * 16 against 12, with the packaged model). That many tokens back still end a loop.
 */
const REPETITION_WINDOW = 64;

export interface GroundParts {
  /** Null: switched off. */
  readonly documents: StoredDocuments | null;
  readonly worker: Pick<Backend, 'tokenize' | 'status' | 'load' | 'onChange'>;
  readonly defaults: { readonly topK: number; readonly threshold: number };
  readonly logger: Logger;
}

export interface Grounded {
  /** What the model is given. */
  readonly request: GenerateRequest;
  /** Null when it has nothing to tell. */
  readonly report: GroundingReport | null;
}

/**
 * Waits for the worker, then at most 30 s for the documents. Where the ask does not require them, only the worker's failure
 * and the signal are thrown.
 * @throws AppError storage_unavailable, what embedding and counting throw, model_unavailable, shutting_down, cancelled
 */
export type Ground = (request: GenerateRequest, ask: GroundingAsk, signal: AbortSignal) => Promise<Grounded>;

export function createGround({ documents, worker, defaults, logger }: GroundParts): Ground {
  return async (request, ask, signal) => {
    if (documents === null) {
      if (!ask.isRequired) return { request, report: null };
      throw new AppError('storage_unavailable', 'Documents are off: MINIVAULT_VAULT=on switches them on.');
    }
    if (ask.isRequired) documents.require();
    await workerReady(worker, signal);
    const threshold = ask.threshold ?? defaults.threshold;
    const topK = ask.topK ?? defaults.topK;
    try {
      return await within(LOOKUP_TIMEOUT_MS, signal, async limited => {
        const found = await lookUp(documents, request.input, { topK, threshold }, limited);
        return await putIn(worker, request, ask, { threshold, ...found }, limited);
      });
    } catch (error) {
      if (ask.isRequired || signal.aborted) throw error;
      const { code, message, cause } = toAppError(error);
      if (code === 'internal') logger.error('documents could not be asked', { error: String(cause) });
      const notice = `The answer rests on no documents, as they could not be asked: ${message}`;
      return {
        request,
        report: { query: queriesOf(request.input)[0] ?? '', threshold, sources: [], omitted: 0, notice },
      };
    }
  };
}

async function putIn(
  worker: GroundParts['worker'],
  request: GenerateRequest,
  ask: GroundingAsk,
  { query, sources, notice, threshold }: Found & { readonly threshold: number },
  signal: AbortSignal,
): Promise<Grounded> {
  const { input, sampling } = request;
  if (input.messages === undefined || sources.length === 0) {
    return { request, report: { query, threshold, sources: [], omitted: 0, notice } };
  }
  // 0 is unknown: then the backend itself says when it is too much.
  const held = worker.status().model?.context_length || Number.POSITIVE_INFINITY;
  const context = Math.min(ask.contextLength ?? held, held);
  const kept = Math.max(1, Math.min(sampling.maxTokens, Math.floor(context * ANSWER_SHARE)));
  const fitted = await fitSources(input, sources, {
    limit: context - kept,
    count: candidate =>
      context === Number.POSITIVE_INFINITY ? Promise.resolve(0) : count(worker, candidate, signal),
  });
  const omitted = sources.length - fitted.sources.length;
  return {
    request: withFitted(request, ask, fitted),
    report: {
      query,
      threshold,
      sources: fitted.sources,
      omitted,
      notice: omitted === 0 ? null : toNotice(omitted, sources.length),
    },
  };
}

function toNotice(omitted: number, found: number): string {
  return `${whatDoesNotFit(omitted, found)} into the context beside the conversation.`;
}

function whatDoesNotFit(omitted: number, found: number): string {
  if (found === 1) return 'The passage that was found does not fit';
  if (omitted === found) return `None of the ${found} passages that were found fits`;
  return `${omitted} of the ${found} passages that were found ${omitted === 1 ? 'does' : 'do'} not fit`;
}

function withFitted(
  request: GenerateRequest,
  ask: GroundingAsk,
  { input, promptTokens }: Fitted,
): GenerateRequest {
  if (promptTokens === null) return request;
  const { maxTokens, repetitionWindow, unasked = [] } = request.sampling;
  // It was made for the prompt without sources.
  const left = ask.contextLength === null ? maxTokens : Math.max(1, ask.contextLength - promptTokens);
  const sampling = {
    ...request.sampling,
    maxTokens: Math.min(maxTokens, left),
    repetitionWindow:
      unasked.includes('repetitionPenalty') && repetitionWindow === 0 ? REPETITION_WINDOW : repetitionWindow,
  };
  return { ...request, input, sampling };
}

/** A worker that dies is waited for, as everybody does who is in line. */
async function count(worker: GroundParts['worker'], input: ChatInput, signal: AbortSignal): Promise<number> {
  for (let tries = 1; ; tries++) {
    try {
      return await worker.tokenize(input, signal);
    } catch (error) {
      if (!(error instanceof AppError) || error.status !== 503 || tries === MAX_COUNT_TRIES) throw error;
      await workerReady(worker, signal);
    }
  }
}

/** Settles when the work does, the time is up or the signal is aborted, whichever is first. @throws AppError storage_unavailable, cancelled */
async function within<T>(
  timeoutMs: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const leaving = new AbortController();
  const cut = createDeferred<never>();
  const onAbort = (): void => cut.reject(new AppError('cancelled', 'The client left.'));
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  const timer = setTimeout(() => {
    const message = `The documents gave no answer within ${timeoutMs / 1000} s.`;
    cut.reject(new AppError('storage_unavailable', message));
  }, timeoutMs);
  try {
    return await Promise.race([work(leaving.signal), cut.promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    leaving.abort();
  }
}
