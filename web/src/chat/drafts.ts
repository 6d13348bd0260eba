// What has been typed and not sent, by chat, for as long as the tab is open.
import { PRIVATE } from '../api/key.js';

const PREFIX = `${PRIVATE}draft.`;

/** Empty for none. */
export function readDraft(chatId: string): string {
  return sessionStorage.getItem(PREFIX + chatId) ?? '';
}

export function keepDraft(chatId: string, text: string): void {
  try {
    if (text === '') sessionStorage.removeItem(PREFIX + chatId);
    else sessionStorage.setItem(PREFIX + chatId, text);
  } catch {
    // A full store: then it stands in its field alone.
  }
}
