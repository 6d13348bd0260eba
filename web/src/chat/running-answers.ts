// Which answers this browser has begun and not seen the end of: what a page that is opened again takes up.
import { z } from 'zod/mini';
import type { Message } from '../api/responses.js';

export interface RunningAnswer {
  readonly responseId: string;
  /** All that was sent: the chat as it stood. */
  readonly messages: readonly Message[];
}

const PREFIX = 'minivault.running.';
const schema = z.object({
  responseId: z.string(),
  messages: z.array(z.object({ role: z.enum(['system', 'user', 'assistant']), content: z.string() })),
});

export function rememberRunning(chatId: string, running: RunningAnswer): void {
  localStorage.setItem(PREFIX + chatId, JSON.stringify(running));
}

export function forgetRunning(chatId: string): void {
  localStorage.removeItem(PREFIX + chatId);
}

export function findRunning(chatId: string): RunningAnswer | null {
  try {
    const parsed = schema.safeParse(JSON.parse(localStorage.getItem(PREFIX + chatId) ?? 'null'));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}
