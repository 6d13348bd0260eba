// An answer that begins with its own prompt. Knows no dialect.
import type { GenerationEvent, GenerationEvents } from '../domain/generation.js';

/**
 * Everything passes; behind `started` comes the prompt as text, without tokens.
 * @param promptText asked once the model has begun, when it can be
 */
export async function* echoPrompt(
  events: GenerationEvents,
  promptText: () => Promise<string>,
): AsyncGenerator<readonly GenerationEvent[]> {
  for await (const batch of events) {
    const at = batch.findIndex(({ type }) => type === 'started') + 1;
    if (at === 0) yield batch;
    else
      yield [
        ...batch.slice(0, at),
        { type: 'token', text: await promptText(), tokens: 0 },
        ...batch.slice(at),
      ];
  }
}
