// Chats as the vault keeps them.
import type { z } from 'zod';
import type { chatSchema, chatsPageSchema } from '../../../server/dialects/chats.js';
import { ask, send } from './http.js';

export type ChatsPage = z.output<typeof chatsPageSchema>;
export type StoredChat = z.output<typeof chatSchema>;

/** @throws ApiError */
export function listChats(page: { limit: number; offset: number }): Promise<ChatsPage> {
  return ask('/chats', { query: page });
}

/** @throws ApiError chat_not_found */
export function readChat(id: string, signal?: AbortSignal): Promise<StoredChat> {
  return ask(`/chats/${encodeURIComponent(id)}`, signal === undefined ? {} : { signal });
}

/** Every exchange of it, for good. @throws ApiError */
export async function eraseChat(id: string): Promise<void> {
  await send(`/chats/${encodeURIComponent(id)}`, { method: 'DELETE' });
}
