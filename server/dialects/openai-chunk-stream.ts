// What the streams of chat completions and of completions have in common: chunks, the last with usage, then [DONE].
// Knows no form of a choice.
import type { ChoiceEvent, GenerationEvent, Usage } from '../domain/generation.js';
import type { StreamEncoder } from './dialect.js';
import { usageSchema } from './openai-answer.js';
import { openAiErrorBody } from './openai-error.js';
import { SSE_CONTENT_TYPE, SSE_DONE, SSE_PING, sseData } from './sse-frame.js';

export const chunkUsageSchema = usageSchema
  .nullable()
  .optional()
  .describe('With stream_options.include_usage: null but in the last chunk.');

export interface ChunkForms {
  /** The chunks of one event of one choice; empty when it has none. */
  choice(index: number, event: GenerationEvent): string;
  /** The last chunk; empty when usage was not asked for. */
  usage(usage: Usage): string;
}

export function createChunkStreamEncoder(forms: ChunkForms): StreamEncoder<ChoiceEvent> {
  return {
    contentType: SSE_CONTENT_TYPE,
    events: batch => {
      let text = '';
      for (const event of batch) {
        if (event.type === 'choice') text += forms.choice(event.index, event.event);
        else text += forms.usage(event.usage) + SSE_DONE;
      }
      return text;
    },
    heartbeat: () => SSE_PING,
    error: error => `${sseData(openAiErrorBody(error))}${SSE_DONE}`,
  };
}
