// All that the model was given, where that was more than the prompt: as messages, or as it stands in the log.
import { z } from 'zod/mini';
import type { HistoryItem } from '../api/history.js';

const messagesSchema = z.object({
  messages: z.array(z.looseObject({ role: z.string(), content: z.string() })),
});

export function ExchangeInput({ input }: { input: HistoryItem['input'] }) {
  if (input === null) return null;
  const parsed = messagesSchema.safeParse(input);
  const { messages: _, ...rest } = input as { messages?: unknown };
  return (
    <details>
      <summary>All that the model was given</summary>
      {parsed.success &&
        parsed.data.messages.map(({ role, content, ...more }, index) => (
          <div key={index} class="message">
            <strong>{role}</strong>
            <p class="said">{content}</p>
            <Raw value={more} />
          </div>
        ))}
      <Raw value={parsed.success ? rest : input} />
    </details>
  );
}

function Raw({ value }: { value: object }) {
  if (Object.keys(value).length === 0) return null;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <pre class="raw" tabIndex={0}>
      {JSON.stringify(value, null, 2)}
    </pre>
  );
}
