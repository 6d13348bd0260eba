// The chat: the list of chats beside the one that is open.
import { useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useMemo } from 'preact/hooks';
import { useLocation, useParams } from 'wouter-preact';
import { randomId } from '../api/random-id.js';
import { ChatList, refreshChats } from './chat-list.js';
import { Composer } from './composer.js';
import { Conversation } from './conversation.js';
import { SettingsPanel } from './settings-panel.js';
import { TurnList } from './turn-list.js';
import './chat.css';

export function ChatView() {
  const { id } = useParams<{ id?: string }>();
  const [, navigate] = useLocation();
  // A new chat has its id from the start, but stands in the address only once something was said.
  const newId = useMemo(() => randomId(), [id]);
  const chat = useMemo(() => openConversation(id, newId), [id, newId]);
  const showsSettings = useSignal(false);
  const showsList = useSignal(false);
  useLayoutEffect(() => chat.attend(), [chat]);
  useEffect(() => {
    if (id !== undefined && chat.turns.value.length === 0) void chat.open();
  }, [chat, id]);

  const send = (question: string): void => {
    chat.send(question);
    if (id === undefined) {
      handOver.set(chat.id, chat);
      navigate(`/chat/${chat.id}`, { replace: true });
    }
  };
  const { opening, turns } = chat;
  return (
    <div class="chat">
      <aside class={showsList.value ? 'chats open' : 'chats'} aria-label="Chats">
        <ChatList
          current={id ?? null}
          onChosen={() => {
            showsList.value = false;
          }}
        />
      </aside>
      <section class="talk" aria-label="Chat">
        <div class="row spread talk-head">
          <button
            type="button"
            class="quiet only-narrow"
            aria-expanded={showsList.value}
            onClick={() => {
              showsList.value = !showsList.value;
            }}
          >
            Chats
          </button>
          <h1 class="visually-hidden">
            {id === undefined ? 'New chat' : (turns.value[0]?.question ?? 'Chat')}
          </h1>
          <button
            type="button"
            class="quiet"
            aria-expanded={showsSettings.value}
            onClick={() => {
              showsSettings.value = !showsSettings.value;
            }}
          >
            Settings
          </button>
        </div>
        {showsSettings.value && <SettingsPanel chat={chat} />}
        {opening.value === 'opening' ? (
          <p class="loading">Opening the chat…</p>
        ) : opening.value !== null ? (
          <p class="fault" role="alert">
            {opening.value}
          </p>
        ) : (
          <TurnList key={chat.id} chat={chat} />
        )}
        <Composer key={chat.id} chat={chat} draftOf={id ?? 'new'} onSend={send} />
      </section>
    </div>
  );
}

/** A chat that has just got its address is the same one, in the middle of its first answer. */
const handOver = new Map<string, Conversation>();

function openConversation(id: string | undefined, newId: string): Conversation {
  const begun = id === undefined ? undefined : handOver.get(id);
  if (begun !== undefined) {
    handOver.delete(begun.id);
    return begun;
  }
  return new Conversation(id ?? newId, () => void refreshChats());
}
