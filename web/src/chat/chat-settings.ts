// How answers of this browser's chats are asked for. Empty means: as the gateway does by itself.
import { signal } from '@preact/signals';

export interface ChatSettings {
  readonly maxTokens: number | null;
  readonly temperature: number | null;
  readonly topP: number | null;
  readonly documents: boolean;
}

const NAME = 'minivault.chat-settings';
const DEFAULTS: ChatSettings = { maxTokens: 1_000, temperature: null, topP: null, documents: false };

function stored(): ChatSettings {
  try {
    return { ...DEFAULTS, ...(JSON.parse(localStorage.getItem(NAME) ?? '{}') as Partial<ChatSettings>) };
  } catch {
    return DEFAULTS;
  }
}

export const chatSettings = signal<ChatSettings>(stored());

export function changeChatSettings(change: Partial<ChatSettings>): void {
  chatSettings.value = { ...chatSettings.value, ...change };
  localStorage.setItem(NAME, JSON.stringify(chatSettings.value));
}
