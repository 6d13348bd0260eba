// The answer as a whole: a fold over the one stream of events, so that both forms can never differ.
import type {
  ChoiceEvents,
  ChoicesResult,
  GenerationEvent,
  GenerationEvents,
  Result,
  TokenLogprob,
  ToolCall,
} from '../domain/generation.js';
import type { GroundingReport } from '../domain/grounding.js';
import { GrowingText } from '../domain/growing-text.js';
import { AppError } from '../errors.js';

/** Takes events in their order; gives the whole when it has the last. */
function createFold(): (event: GenerationEvent) => Result | null {
  const text = new GrowingText();
  let logprobs: TokenLogprob[] | null = null;
  let grounding: GroundingReport | null = null;
  const toolCalls: ToolCall[] = [];
  return event => {
    if (event.type === 'token') {
      text.append(event.text);
      if (event.logprobs) {
        logprobs ??= [];
        logprobs.push(...event.logprobs);
      }
    } else if (event.type === 'tool_call') toolCalls.push(event.call);
    else if (event.type === 'grounded') grounding = event.report;
    else if (event.type === 'done') {
      const { type: _, context = null, ...end } = event;
      return { text: String(text), toolCalls, logprobs, ...end, context, grounding };
    }
    return null;
  };
}

function incomplete(): AppError {
  return new AppError('incomplete_generation', 'The generation ended without its end.');
}

/** @throws what the stream throws; incomplete_generation when it ends without `done`. */
export async function collect(events: GenerationEvents): Promise<Result> {
  const fold = createFold();
  for await (const batch of events) {
    for (const event of batch) {
      const whole = fold(event);
      if (whole) return whole;
    }
  }
  throw incomplete();
}

/** @throws what the stream throws; incomplete_generation when it ends without `done`. */
export async function collectChoices(events: ChoiceEvents): Promise<ChoicesResult> {
  const folds: ReturnType<typeof createFold>[] = [];
  const choices: Result[] = [];
  for await (const batch of events) {
    for (const event of batch) {
      if (event.type === 'done') return { choices, usage: event.usage };
      const fold = folds[event.index] ?? createFold();
      folds[event.index] = fold;
      const whole = fold(event.event);
      if (whole) choices[event.index] = whole;
    }
  }
  throw incomplete();
}
