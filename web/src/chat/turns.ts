// A chat as turns, each a question with its answer; what is sent to the model of them, and how they are found again in what
// the vault keeps. Pure.
import type { HistoryItem } from '../../../server/dialects/history-item.js';
import type { StoredChat } from '../api/chats.js';
import type { Message } from '../api/responses.js';
import { type Answer, fromExchange, NEW_ANSWER } from './answer.js';

export interface Turn {
  readonly question: string;
  readonly answer: Answer;
}

export interface Opened {
  /** Empty for none. */
  readonly system: string;
  readonly turns: readonly Turn[];
}

/** What the model is given: the system's words, every turn that has an answer, and the new question. */
export function toMessages(system: string, turns: readonly Turn[], question: string): Message[] {
  return [
    ...(system === '' ? [] : [{ role: 'system', content: system } as const]),
    ...turns.flatMap(turn =>
      turn.answer.text === ''
        ? []
        : [
            { role: 'user', content: turn.question } as const,
            { role: 'assistant', content: turn.answer.text } as const,
          ],
    ),
    { role: 'user', content: question },
  ];
}

type AnswerOf = (question: string, text: string) => Answer;

/** An answer that was sent along is one of those, with all that is known of it; else it is its text alone. */
export function answersIn(exchanges: readonly HistoryItem[]): AnswerOf {
  return (question, text) => {
    const kept = exchanges.findLast(({ prompt, response }) => prompt === question && response === text);
    return kept === undefined ? { ...NEW_ANSWER, status: 'completed', text } : fromExchange(kept);
  };
}

/** Messages as turns again; the last question has the given answer. */
export function fromMessages(messages: readonly Message[], last: Answer, answerOf: AnswerOf): Opened {
  const turns: Turn[] = [];
  const said = messages.filter(({ role }) => role !== 'system');
  for (let index = 0; index < said.length; index++) {
    const [message, next] = [said[index], said[index + 1]];
    if (message?.role !== 'user') continue;
    if (next?.role === 'assistant')
      turns.push({ question: message.content, answer: answerOf(message.content, next.content) });
    else turns.push({ question: message.content, answer: last });
  }
  return { system: messages.find(({ role }) => role === 'system')?.content ?? '', turns };
}

/**
 * A chat as it stands: its newest exchange, with all that went before it. Exchanges that were edited away or asked again
 * are in the vault, not here.
 */
export function fromStoredChat({ turns: exchanges }: StoredChat): Opened {
  const newest = exchanges.at(-1);
  if (newest === undefined) return { system: '', turns: [] };
  const given = messagesOf(newest);
  const opened = fromMessages(given, fromExchange(newest), answersIn(exchanges));
  // With documents the model was given more than was asked.
  const turns = opened.turns.map((turn, index) =>
    index === opened.turns.length - 1 ? { ...turn, question: newest.prompt } : turn,
  );
  return { ...opened, turns };
}

function messagesOf({ prompt, input }: HistoryItem): readonly Message[] {
  const { messages } = (input ?? {}) as { messages?: readonly Message[] };
  return messages ?? [{ role: 'user', content: prompt }];
}
