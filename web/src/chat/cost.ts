// What an answer has cost. Pure.
import type { HistoryItem } from '../../../server/dialects/history-item.js';

/** What an answer has cost; from the vault, once it has ended. */
export interface Cost {
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly firstTokenMs: number;
  readonly tokensPerSecond: number | null;
}

/** Null where the exchange ended before its figures were told. */
export function costOf({ usage, timings }: Pick<HistoryItem, 'usage' | 'timings'>): Cost | null {
  if (usage === null || timings === null) return null;
  const { decode_ms: decodeMs } = timings;
  return {
    promptTokens: usage.prompt_tokens,
    completionTokens: usage.completion_tokens,
    firstTokenMs: timings.queue_ms + timings.prefill_ms,
    tokensPerSecond: decodeMs > 0 ? (usage.completion_tokens / decodeMs) * 1000 : null,
  };
}
