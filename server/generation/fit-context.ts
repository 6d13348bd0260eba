// Makes a request fit a context: leaves out the oldest messages, and bounds the answer by what is left. Knows no dialect.

import type { Backend } from '../backend/backend.js';
import type { ChatInput, GenerateRequest, GenerationInput, Message } from '../domain/generation.js';
import { AppError } from '../errors.js';
import { mostTokens } from './context-limit.js';
import type { Residency } from './residency.js';

/** Every context that is worth serving holds these. */
const SURELY_HELD_TOKENS = 512;

export interface ContextBounds {
  /** Most tokens of prompt and answer together; null for what the model itself can hold. */
  readonly contextLength: number | null;
  /** May leave out messages, oldest first, but never the system's and the last. */
  readonly dropsMessages: boolean;
}

/**
 * Asks the worker, which it waits for, only about a request that may not fit.
 * @throws AppError context_length_exceeded with both numbers; what `tokenize` throws.
 */
export async function fitContext(
  worker: Pick<Backend, 'tokenize' | 'status'>,
  residency: Pick<Residency, 'ready'>,
  request: Omit<GenerateRequest, 'id'>,
  { contextLength, dropsMessages }: ContextBounds,
  signal: AbortSignal,
): Promise<Omit<GenerateRequest, 'id'>> {
  const { input, sampling } = request;
  const limitOf = (held: number): number => Math.min(contextLength ?? held, held);
  const wanted = mostTokens(input) + (contextLength === null ? 1 : sampling.maxTokens);
  if (wanted <= limitOf(worker.status().model?.context_length ?? SURELY_HELD_TOKENS)) return request;

  await residency.ready(signal);
  const limit = limitOf(worker.status().model?.context_length ?? SURELY_HELD_TOKENS);
  const count = (candidate: GenerationInput): Promise<number> => worker.tokenize(candidate, signal);
  let fitting = input;
  let promptTokens = await count(input);
  if (promptTokens >= limit && dropsMessages && input.messages !== undefined) {
    fitting = await dropOldest(input, async candidate => (await count(candidate)) < limit);
    promptTokens = await count(fitting);
  }
  if (promptTokens >= limit) {
    throw new AppError(
      'context_length_exceeded',
      `The prompt has ${promptTokens} tokens; the context holds ${limit}, the answer included.`,
    );
  }
  const maxTokens = Math.min(sampling.maxTokens, limit - promptTokens);
  return { ...request, input: fitting, sampling: { ...sampling, maxTokens } };
}

/** Halves its way to the most messages that fit; what is left when nothing does is the least there can be. */
async function dropOldest(
  input: ChatInput,
  fits: (candidate: ChatInput) => Promise<boolean>,
): Promise<ChatInput> {
  const candidates = startsOf(input.messages).map(start => ({
    ...input,
    messages: from(input.messages, start),
  }));
  let low = 0;
  let high = candidates.length - 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const candidate = candidates[middle];
    if (candidate !== undefined && (await fits(candidate))) high = middle;
    else low = middle + 1;
  }
  return candidates[low] ?? input;
}

/** Where a chat may begin: at what a user says, as templates that want turns to alternate ask for, or at its last message. */
function startsOf(messages: readonly Message[]): number[] {
  const last = messages.length - 1;
  return messages.flatMap(({ role }, index) =>
    index === last || (index > 0 && role === 'user') ? [index] : [],
  );
}

function from(messages: readonly Message[], start: number): Message[] {
  return [...messages.slice(0, start).filter(({ role }) => role === 'system'), ...messages.slice(start)];
}
