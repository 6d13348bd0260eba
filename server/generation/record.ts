// What a finished run becomes in the log. Knows neither the log's file nor the client.
import type { BackendStatus, RunOutcome } from '../backend/backend.js';
import type { CallerLimits } from '../domain/caller.js';
import type { Exchange, ExchangeGrounding } from '../domain/exchange.js';
import type { GenerateRequest, GenerationInput, Timings } from '../domain/generation.js';
import type { GroundingReport } from '../domain/grounding.js';
import type { Span } from '../domain/trace.js';
import type { Grounded } from './ground.js';

/** Who asked, and how: the part of an exchange that generation itself does not need. */
export interface ExchangeContext {
  readonly dialect: string;
  readonly caller: string | null;
  readonly requestId: string;
  /** Whose turn it takes in the line; the empty word's when nobody says. */
  readonly share?: string;
  /** What that caller may use; without them, as much as it likes. */
  readonly limits?: CallerLimits;
  /** Of the request that asks; nobody traces without it. */
  readonly span?: Span;
  /** The exchange that is asked again. */
  readonly replayOf?: string;
  /** The chat that it is a turn of. */
  readonly chatId?: string | null;
}

/** Time in the gateway's line belongs to the queue as much as time in the worker's. */
export function withQueueMs(timings: Timings, waitedMs: number): Timings {
  return { ...timings, queueMs: Math.round((timings.queueMs + waitedMs) * 1000) / 1000 };
}

/** An exchange that ended before it said anything is only worth keeping when that was its whole answer. */
export function isWorthKeeping(outcome: RunOutcome): boolean {
  return outcome.status === 'completed' || outcome.text !== '';
}

/** The prompt alone says all that the model was given. */
function isWholeInPrompt(asked: GenerateRequest, given: GenerateRequest): boolean {
  return asked.input === given.input && isOneUserMessage(given.input);
}

function isOneUserMessage({ messages = [], tools, contextIds }: GenerationInput): boolean {
  const [message, ...others] = messages;
  if (message?.role !== 'user' || others.length > 0) return false;
  return message.name === undefined && tools === undefined && contextIds === undefined;
}

/** @param asked what the client sent; the model was given what `grounded` has */
export function toExchange(
  asked: GenerateRequest,
  { request, report }: Grounded,
  context: ExchangeContext,
  outcome: RunOutcome,
  worker: Pick<BackendStatus, 'model' | 'engine'>,
  endedAt: Date,
): Exchange {
  const { messages, prompt } = asked.input;
  const lastUserText = messages?.findLast(message => message.role === 'user')?.content;
  return {
    timestamp: endedAt.toISOString(),
    prompt: prompt ?? lastUserText ?? messages?.at(-1)?.content ?? '',
    response: outcome.text,
    id: asked.id,
    status: outcome.status,
    reason: outcome.reason,
    error: outcome.error && { code: outcome.error.code, message: outcome.error.message },
    dialect: context.dialect,
    caller: context.caller,
    model: { id: worker.model?.id ?? 'unknown', digest: worker.model?.digest ?? 'unknown' },
    engine: worker.engine ?? 'unknown',
    numerics: outcome.numerics,
    input: isWholeInPrompt(asked, request) ? null : request.input,
    grounding: report && toExchangeGrounding(report),
    replayOf: context.replayOf ?? null,
    chatId: context.chatId ?? null,
    parameters: outcome.parameters ?? request.sampling,
    usage: outcome.usage,
    timings: outcome.timings,
    requestId: context.requestId,
  };
}

function toExchangeGrounding({ threshold, sources, omitted, notice }: GroundingReport): ExchangeGrounding {
  return {
    threshold,
    sources: sources.map(({ documentId, position, startOffset, endOffset, score }) => ({
      documentId,
      position,
      startOffset,
      endOffset,
      score,
    })),
    omitted,
    notice,
  };
}
