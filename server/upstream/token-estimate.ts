// How many tokens an input may have when nobody can count them: another server's tokenizer is not at hand.
import type { GenerationInput, Message } from '../domain/generation.js';

const LETTERS_A_TOKEN = 4;
/** Role and separators, as most chat templates write them. */
const MESSAGE_TOKENS = 4;

/** Four ASCII characters a token, any other character one: English comes out some percent too high. */
export function estimateTokens(input: GenerationInput): number {
  if (input.tokenIds) return input.tokenIds.length;
  if (input.messages === undefined) return tokensOf(input.prompt);
  const tools = input.tools === undefined ? 0 : tokensOf(JSON.stringify(input.tools));
  return input.messages.reduce((sum, message) => sum + MESSAGE_TOKENS + tokensOf(textOf(message)), tools);
}

function textOf({ content, toolCalls }: Message): string {
  return toolCalls === undefined ? content : content + JSON.stringify(toolCalls);
}

function tokensOf(text: string): number {
  const others = text.replace(/\p{ASCII}/gu, '').length;
  return Math.ceil((text.length - others) / LETTERS_A_TOKEN) + others;
}
