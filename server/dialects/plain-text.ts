// The answer and nothing else. It has no record for an end, so a failure must break the connection (http/send.ts).
import type { StreamEncoder } from './dialect.js';

export function createPlainTextEncoder(): StreamEncoder {
  return {
    contentType: 'text/plain; charset=utf-8',
    events: batch => {
      let text = '';
      for (const event of batch) if (event.type === 'token') text += event.text;
      return text;
    },
    heartbeat: () => '',
    error: () => null,
  };
}
