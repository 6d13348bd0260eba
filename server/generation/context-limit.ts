// Refuses a prompt that cannot fit the model's context while that can still be an HTTP error.

import type { Backend } from '../backend/backend.js';
import type { GenerationInput, Message } from '../domain/generation.js';
import { AppError } from '../errors.js';

/** What a chat template may add around a message; generous, since it only decides whether to ask the tokenizer. */
const TEMPLATE_TOKENS = 64;

/** A token is at least one byte of text in every tokenizer we load, so this never falls short. */
export function mostTokens(input: GenerationInput): number {
  if (input.tokenIds) return input.tokenIds.length;
  const texts = input.messages === undefined ? [input.prompt] : input.messages.map(textOf);
  if (input.tools) texts.push(JSON.stringify(input.tools));
  const ofContext = input.contextIds?.length ?? 0;
  return texts.reduce(
    (sum, text) => sum + Buffer.byteLength(text) + TEMPLATE_TOKENS,
    TEMPLATE_TOKENS + ofContext,
  );
}

function textOf({ content, toolCalls, name = '' }: Message): string {
  return `${name}${content}${toolCalls === undefined ? '' : JSON.stringify(toolCalls)}`;
}

/**
 * While the model loads nothing is asked: the worker itself refuses the same prompt later, in the stream.
 * @throws AppError context_length_exceeded with both numbers.
 */
export async function checkContextLength(
  worker: Backend,
  input: GenerationInput,
  signal: AbortSignal,
): Promise<void> {
  const { state, model } = worker.status();
  if (state !== 'ready' || model === null || mostTokens(input) < model.context_length) return;
  const promptTokens = await worker.tokenize(input, signal).catch((error: unknown) => {
    // The worker has just died; the request waits for the next one like any other.
    if (error instanceof AppError && error.status === 503) return 0;
    throw error;
  });
  if (promptTokens >= model.context_length) {
    throw new AppError(
      'context_length_exceeded',
      `The prompt has ${promptTokens} tokens; the model's context holds ${model.context_length}.`,
    );
  }
}
