// The answer as a whole: a fold over the one stream of events, so that both forms can never differ.
import type {
  FinishReason,
  GenerationEvents,
  Timings,
  TokenLogprob,
  ToolCall,
  Usage,
} from '../domain/generation.js';
import { AppError } from '../errors.js';

export interface Result {
  readonly text: string;
  readonly toolCalls: readonly ToolCall[];
  /** Null when none were asked for. */
  readonly logprobs: readonly TokenLogprob[] | null;
  readonly reason: FinishReason;
  readonly stopSequence: string | null;
  readonly usage: Usage;
  readonly timings: Timings;
  readonly numerics: string | null;
  /** Null when it was not asked for. */
  readonly context: readonly number[] | null;
}

/** @throws what the stream throws; incomplete_generation when it ends without `done`. */
export async function collect(events: GenerationEvents): Promise<Result> {
  let text = '';
  let logprobs: TokenLogprob[] | null = null;
  const toolCalls: ToolCall[] = [];
  for await (const batch of events) {
    for (const event of batch) {
      if (event.type === 'token') {
        text += event.text;
        if (event.logprobs) logprobs = [...(logprobs ?? []), ...event.logprobs];
      } else if (event.type === 'tool_call') toolCalls.push(event.call);
      else if (event.type === 'done') {
        const { type: _, context = null, ...end } = event;
        return { text, toolCalls, logprobs, ...end, context };
      }
    }
  }
  throw new AppError('incomplete_generation', 'The generation ended without its end.');
}
