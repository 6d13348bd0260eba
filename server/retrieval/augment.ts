// What of a request is looked up in the documents, and the request with what was found in it. Pure; knows no store, no
// model and no limit.
import type { ChatInput, GenerationInput } from '../domain/generation.js';
import type { Source } from '../domain/grounding.js';

/** More than an embedder reads of a text; what is looked up is not the whole of a pasted book. */
const MAX_QUERY_CHARACTERS = 4_000;
const MAX_FORMER_CHARACTERS = 500;

/**
 * What to search the documents with, best first: what the user said last; if nothing is near that, what was said before it
 * together with it, since "And who founded it?" is about something. Empty when no user has said anything.
 */
export function queriesOf({ messages = [] }: GenerationInput): readonly string[] {
  const said = messages
    .filter(({ role, content }) => role === 'user' && content.trim() !== '')
    .map(({ content }) => content.trim());
  const last = said.at(-1)?.slice(0, MAX_QUERY_CHARACTERS).toWellFormed();
  if (last === undefined) return [];
  const former = said.at(-2)?.slice(-MAX_FORMER_CHARACTERS).toWellFormed();
  return former === undefined ? [last] : [last, `${former}\n${last}`];
}

/**
 * The request with the sources before what the user said last: there a small model heeds them most, templates without a
 * system message take them, too, and the client's own messages stay as they are.
 */
export function augment(input: ChatInput, sources: readonly Source[]): ChatInput {
  const last = input.messages.findLastIndex(({ role }) => role === 'user');
  if (last === -1 || sources.length === 0) return input;
  return {
    ...input,
    messages: input.messages.map((message, index) =>
      index === last ? { ...message, content: withSources(message.content, sources) } : message,
    ),
  };
}

function withSources(question: string, sources: readonly Source[]): string {
  const passages = sources.map(({ text }, index) => `[${index + 1}] ${asOneBlock(text)}`);
  return `Answer the question from these documents.\n\n${passages.join('\n\n')}\n\nQuestion: ${question}`;
}

/** Without empty lines, and every line but the first indented: a text cannot look like the next source, or the question. */
function asOneBlock(text: string): string {
  return text
    .split(/\r\n|[\n\v\f\r\u0085\u2028\u2029]/)
    .map(line => line.trim())
    .filter(line => line !== '')
    .join('\n    ');
}
