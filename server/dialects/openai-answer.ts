// What all answers of OpenAI's format have in common: usage, log-probabilities, reasons, fingerprint.
import { z } from 'zod';
import type { FinishReason, TokenLogprob, Usage } from '../domain/generation.js';
import type { EncoderContext } from './dialect.js';

export interface OpenAiContext extends EncoderContext {
  /**
   * What a seed repeats its answer in: the model's digest and the numerics. Asked when the answer has begun, since the
   * model may load until then.
   */
  readonly fingerprint: () => string;
}

const count = z.int().min(0);

export const usageSchema = z.object({
  prompt_tokens: count,
  completion_tokens: count,
  total_tokens: count,
  prompt_tokens_details: z.object({
    cached_tokens: count.describe('Those that were not computed again, since an earlier prompt began alike.'),
  }),
});

export function toOpenAiUsage({
  promptTokens,
  cachedTokens,
  completionTokens,
}: Usage): z.input<typeof usageSchema> {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
  };
}

const bytes = z.array(z.int().min(0).max(255)).nullable().describe('Null for a part of a character.');
const alternative = z.object({ token: z.string(), logprob: z.number(), bytes });
export const chatLogprobsSchema = z.object({
  content: z.array(alternative.extend({ top_logprobs: z.array(alternative) })),
  refusal: z.null(),
});

const encoder = new TextEncoder();

function toAlternative({ token, logprob }: { token: string; logprob: number }): z.input<typeof alternative> {
  // A token that is not whole characters has lost its bytes by the time it is text.
  return { token, logprob, bytes: token.includes('\uFFFD') ? null : [...encoder.encode(token)] };
}

export function toChatLogprobs(logprobs: readonly TokenLogprob[]): z.input<typeof chatLogprobsSchema> {
  return {
    content: logprobs.map(each => ({ ...toAlternative(each), top_logprobs: each.top.map(toAlternative) })),
    refusal: null,
  };
}

/** A cancelled answer was cut, as by a limit: it must not look whole. */
export function toFinishReason(reason: FinishReason): 'stop' | 'length' {
  return reason === 'stop' ? 'stop' : 'length';
}

export function toUnixSeconds(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}

/** @param digest `sha256:` and hexadecimal digits */
export function toFingerprint({ digest, numerics }: { digest: string; numerics: string }): string {
  return `fp_${digest.slice(digest.indexOf(':') + 1).slice(0, 10)}_${numerics}`;
}
