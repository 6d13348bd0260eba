// Which answers this browser has begun and not seen the end of: what a page that is opened again, or another tab, takes up.
import { signal } from '@preact/signals';
import { z } from 'zod/mini';
import { PRIVATE } from '../api/key.js';
import type { Message } from '../api/responses.js';

export interface RunningAnswer {
  readonly responseId: string;
  /** All that was sent: the chat as it stood. */
  readonly messages: readonly Message[];
}

const PREFIX = `${PRIVATE}running.`;
const schema = z.object({
  responseId: z.string(),
  messages: z.array(z.object({ role: z.enum(['system', 'user', 'assistant']), content: z.string() })),
});

/** The ids of their chats, of all tabs. */
export const runningChats = signal<readonly string[]>(stored());

export function rememberRunning(chatId: string, running: RunningAnswer): void {
  try {
    localStorage.setItem(PREFIX + chatId, JSON.stringify(running));
  } catch {
    // A full store: a page that is opened again finds the answer in the vault, once it is whole.
    localStorage.removeItem(PREFIX + chatId);
  }
  runningChats.value = stored();
}

export function forgetRunning(chatId: string): void {
  localStorage.removeItem(PREFIX + chatId);
  runningChats.value = stored();
}

export function findRunning(chatId: string): RunningAnswer | null {
  try {
    const parsed = schema.safeParse(JSON.parse(localStorage.getItem(PREFIX + chatId) ?? 'null'));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

/** Calls back when another tab begins an answer of that chat, until the result is called. */
export function onBegunElsewhere(chatId: string, begun: () => void): () => void {
  const listener = ({ key, newValue }: StorageEvent): void => {
    if (key === PREFIX + chatId && newValue !== null) begun();
  };
  addEventListener('storage', listener);
  return () => removeEventListener('storage', listener);
}

function stored(): string[] {
  return Object.keys(localStorage)
    .filter(name => name.startsWith(PREFIX))
    .map(name => name.slice(PREFIX.length));
}

addEventListener('storage', () => {
  runningChats.value = stored();
});
