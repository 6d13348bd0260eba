// The answer as a whole: a fold over the one stream of events, so that both forms can never differ.
import type { GenerationEvents, Result, TokenLogprob, ToolCall } from '../domain/generation.js';
import { AppError } from '../errors.js';

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
