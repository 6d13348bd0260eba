// How many sources the context holds beside the client's own messages, of which none is ever left out. Asks for counts
// of tokens; knows no model.
import type { ChatInput } from '../domain/generation.js';
import type { Source } from '../domain/grounding.js';
import { augment } from './augment.js';

export interface FitOptions {
  /** Most tokens of the prompt with its sources. */
  readonly limit: number;
  readonly count: (input: ChatInput) => Promise<number>;
}

export interface Fitted {
  readonly input: ChatInput;
  readonly sources: readonly Source[];
  /** Null when no source fits: the client's own prompt is not counted. */
  readonly promptTokens: number | null;
}

/**
 * Leaves out the last of the sources, so the best are to be first.
 * @throws what `count` throws
 */
export async function fitSources(
  input: ChatInput,
  sources: readonly Source[],
  { limit, count }: FitOptions,
): Promise<Fitted> {
  let fitted: Fitted = { input, sources: [], promptTokens: null };
  let tooMany = sources.length + 1;
  let tried = sources.length;
  while (tried > fitted.sources.length) {
    const kept = sources.slice(0, tried);
    const candidate = augment(input, kept);
    const promptTokens = await count(candidate);
    if (promptTokens <= limit) fitted = { input: candidate, sources: kept, promptTokens };
    else tooMany = tried;
    tried = Math.floor((fitted.sources.length + tooMany) / 2);
  }
  return fitted;
}
