// Generations and vectors within what their caller may use: its requests at once, its tokens of a day. Knows not how
// that is counted.
import type { RunOutcome } from '../backend/backend.js';
import type { CallerLimits } from '../domain/caller.js';
import type { GenerateRequest } from '../domain/generation.js';
import type { Asker, Limits } from '../limits/limits.js';
import { estimateTokens } from '../upstream/token-estimate.js';
import type { Embed, EmbedRequest, EmbedResult } from './embed.js';
import type { Generate } from './generate.js';
import type { ExchangeContext } from './record.js';

const UNLIMITED: CallerLimits = { requestsPerMinute: null, concurrency: null, tokensPerDay: null };

/**
 * As `generate`, for one with a place among the requests of its caller. All that run for the same context have one place,
 * which is free again when the last of them has ended or its reader has left.
 * Throws what that does, and concurrency_exceeded or token_budget_exceeded before any event.
 */
export function limitGenerate(generate: Generate, limits: Pick<Limits, 'enter'>): Generate {
  return async function* limited(request, context, signal) {
    const leave = await limits.enter(askerOf(context), context);
    try {
      yield* generate(request, context, signal);
    } finally {
      leave();
    }
  };
}

/** As `Embed`, for one caller. */
export type EmbedFor = (asker: Asker, request: EmbedRequest, signal: AbortSignal) => Promise<EmbedResult>;

/** Throws what `embed` does, and concurrency_exceeded or token_budget_exceeded. */
export function limitEmbed(embed: Embed, limits: Pick<Limits, 'enter' | 'spend'>): EmbedFor {
  return async (asker, request, signal) => {
    const leave = await limits.enter(asker, request);
    try {
      const result = await embed({ ...request, share: asker.share }, signal);
      limits.spend(
        asker.share,
        result.embeddings.reduce((sum, { tokens }) => sum + tokens, 0),
      );
      return result;
    } finally {
      leave();
    }
  };
}

/** What a run has cost its caller, however it ended; estimated where the backend did not say. */
export function spentTokens({ input }: GenerateRequest, outcome: RunOutcome): number {
  const { usage, timings, text } = outcome;
  if (usage !== null) return usage.promptTokens + usage.completionTokens;
  // It never began.
  if (timings === null) return 0;
  return estimateTokens(input) + (text === '' ? 0 : estimateTokens({ prompt: text }));
}

function askerOf({ share = '', limits = UNLIMITED }: ExchangeContext): Asker {
  return { share, limits };
}
