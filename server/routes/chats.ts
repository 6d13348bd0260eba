// GET /chats, GET and DELETE /chats/{id}: exchanges that are turns of one chat.
import type { RequestHandler } from 'express';
import { chatAnswer, chatsPage, chatsQuerySchema } from '../dialects/chats.js';
import { AppError } from '../errors.js';
import { ownerSeenBy } from '../http/access.js';
import { parseWith } from '../http/body.js';
import { scopeOf } from '../http/request-scope.js';
import type { Chats, ChatTurns } from '../store/chats.js';
import { isExchangeId } from '../store/exchange-history.js';
import type { Vault } from '../store/vault.js';
import { behind } from './history.js';

export interface ChatsRouteParts {
  readonly chats: Chats;
  readonly vault: Pick<Vault, 'caughtUp' | 'erase'>;
}

type OfOne = RequestHandler<{ id: string }>;

/** @throws AppError chat_not_found, also for another caller's; storage_unavailable when it may be among what the database has yet to take */
async function requireChat(
  { chats, vault }: ChatsRouteParts,
  id: string,
  owner: string | null,
): Promise<ChatTurns> {
  const isCaughtUp = await vault.caughtUp();
  const found = isExchangeId(id) ? await chats.find(id, owner) : null;
  if (found === null && !isCaughtUp && isExchangeId(id)) throw behind(`Chat "${id}"`);
  if (found === null) throw new AppError('chat_not_found', `There is no chat "${id}".`, { param: 'id' });
  return found;
}

export function chatsRoute({ chats, vault }: ChatsRouteParts): RequestHandler {
  return async (req, res) => {
    const query = parseWith(chatsQuerySchema, req.query);
    await vault.caughtUp();
    const found = await chats.list(ownerSeenBy(scopeOf(res).caller), query);
    res.json(chatsPage(found, query));
  };
}

export function oneChatRoute(parts: ChatsRouteParts): OfOne {
  return async (req, res) => {
    const { id } = req.params;
    res.json(chatAnswer(id, await requireChat(parts, id, ownerSeenBy(scopeOf(res).caller))));
  };
}

/** Every exchange of it goes, from log and database. */
export function eraseChatRoute(parts: ChatsRouteParts): OfOne {
  return async (req, res) => {
    const { ids } = await requireChat(parts, req.params.id, ownerSeenBy(scopeOf(res).caller));
    await parts.vault.erase(ids);
    res.status(204).end();
  };
}
