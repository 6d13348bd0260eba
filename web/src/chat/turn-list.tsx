// All turns of a chat, kept at its end while it grows, unless somebody has scrolled back to read.
import { useEffect, useRef } from 'preact/hooks';
import type { Conversation } from './conversation.js';
import { TurnItem } from './turn-item.js';

const NEAR_END_PX = 80;

export function TurnList({ chat }: { chat: Conversation }) {
  const place = useRef<HTMLElement>(null);
  const follows = useRef(true);
  const turns = chat.turns.value;
  useEffect(() => {
    const list = place.current;
    if (list !== null && follows.current) list.scrollTop = list.scrollHeight;
  }, [turns]);
  const onScroll = (): void => {
    const list = place.current;
    if (list !== null) follows.current = list.scrollHeight - list.scrollTop - list.clientHeight < NEAR_END_PX;
  };
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section class="turns" ref={place} onScroll={onScroll} tabIndex={0} aria-label="Messages">
      {turns.length === 0 && (
        <p class="quiet-text empty">
          What you ask here is answered on this machine, and kept in its vault alone.
        </p>
      )}
      {turns.map((turn, index) => (
        <TurnItem key={index} chat={chat} index={index} turn={turn} isLast={index === turns.length - 1} />
      ))}
      {chat.isLost.value && (
        <p class="fault" role="status">
          {turns.at(-1)?.answer.responseId == null
            ? 'The gateway is not reached; the question is sent again.'
            : 'The connection is lost; the answer goes on, and is shown as soon as the gateway is reached again.'}
        </p>
      )}
    </section>
  );
}
