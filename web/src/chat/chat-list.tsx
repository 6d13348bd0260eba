// The chats that the vault keeps, the one used last first.
import { computed, signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { Link, useLocation } from 'wouter-preact';
import { type ChatsPage, eraseChat, listChats } from '../api/chats.js';
import { describe } from '../api/http.js';
import { cancelResponse } from '../api/responses.js';
import { confirmed } from '../ui/confirm.js';
import { tell, tellError } from '../ui/notices.js';
import { findRunning, forgetRunning, runningChats } from './running-answers.js';

const PAGE = 50;
const chats = signal<ChatsPage['items']>([]);
const total = signal(0);
const fault = signal<string | null>(null);

interface Listed {
  readonly id: string;
  readonly title: string;
}

/** Chats in the middle of their first answer come before those that the vault has. */
const listed = computed<readonly Listed[]>(() => {
  const kept = new Set(chats.value.map(({ id }) => id));
  const begun = runningChats.value
    .filter(id => !kept.has(id))
    .map(id => ({
      id,
      title: findRunning(id)?.messages.find(({ role }) => role === 'user')?.content ?? '',
    }));
  return [...begun, ...chats.value];
});

export async function refreshChats(limit = Math.max(PAGE, chats.value.length)): Promise<void> {
  try {
    const page = await listChats({ limit: Math.min(100, limit), offset: 0 });
    chats.value = page.items;
    total.value = page.total;
    fault.value = null;
  } catch (error) {
    fault.value = describe(error);
  }
}

async function showMore(): Promise<void> {
  try {
    const page = await listChats({ limit: PAGE, offset: chats.value.length });
    chats.value = [...chats.value, ...page.items];
    total.value = page.total;
  } catch (error) {
    tellError(error);
  }
}

export function ChatList({ current, onChosen }: { current: string | null; onChosen: () => void }) {
  const [, navigate] = useLocation();
  useEffect(() => void refreshChats(), []);
  const erase = async (id: string, title: string): Promise<void> => {
    if (!(await confirmed(`Erase “${title}” for good, with all its exchanges?`, 'Erase'))) return;
    try {
      const running = findRunning(id);
      if (running !== null) await cancelResponse(running.responseId).catch(() => {});
      await eraseChat(id);
      forgetRunning(id);
      tell('done', 'The chat is erased.');
      if (id === current) navigate('/');
      await refreshChats();
    } catch (error) {
      tellError(error);
    }
  };
  return (
    <>
      <Link href="/" class="button new-chat" onClick={onChosen}>
        New chat
      </Link>
      {fault.value !== null && <p class="fault">{fault.value}</p>}
      <ul>
        {listed.value.map(({ id, title }) => (
          <li key={id} class="row">
            <Link href={`/chat/${id}`} aria-current={id === current ? 'page' : undefined} onClick={onChosen}>
              {title === '' ? 'Untitled' : title}
            </Link>
            <button
              type="button"
              class="plain"
              aria-label={`Erase ${title}`}
              onClick={() => void erase(id, title)}
            >
              ×
            </button>
          </li>
        ))}
      </ul>
      {chats.value.length < total.value && (
        <button type="button" class="quiet" onClick={() => void showMore()}>
          Older chats
        </button>
      )}
    </>
  );
}
