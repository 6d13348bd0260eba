// Chats: exchanges that were sent with the same `chat_id`.
import { chatPathSchema, chatSchema, chatsPageSchema, chatsQuerySchema } from '../dialects/chats.js';
import type { Operation } from './operation.js';

const TAG = 'Chats';

export const chatOperations: readonly Operation[] = [
  {
    method: 'get',
    path: '/chats',
    tag: TAG,
    summary: 'Chats, the one used last first',
    description: 'A chat is made by sending `chat_id` with /v1/responses.',
    query: chatsQuerySchema,
    answers: { 200: { description: 'A page.', content: { 'application/json': chatsPageSchema } } },
    errors: ['invalid_request', 'storage_unavailable', 'internal'],
    errorShape: 'simple',
  },
  {
    method: 'get',
    path: '/chats/{id}',
    tag: TAG,
    summary: 'One chat with its turns',
    pathParams: chatPathSchema,
    answers: { 200: { description: 'Its exchanges.', content: { 'application/json': chatSchema } } },
    errors: ['chat_not_found', 'invalid_request', 'storage_unavailable', 'internal'],
    errorShape: 'simple',
  },
  {
    method: 'delete',
    path: '/chats/{id}',
    tag: TAG,
    summary: 'Erase all exchanges of a chat',
    pathParams: chatPathSchema,
    answers: { 204: { description: 'They are in neither log nor database any more.' } },
    errors: ['chat_not_found', 'exchange_elsewhere', 'invalid_request', 'storage_unavailable', 'internal'],
    errorShape: 'simple',
  },
];
