// One question with its answer, and what can be done with either.
import { useSignal } from '@preact/signals';
import { memo } from 'preact/compat';
import { Markdown } from '../markdown/markdown.js';
import { copy } from '../ui/clipboard.js';
import { isOver } from './answer.js';
import { AnswerSources } from './answer-sources.js';
import { AnswerState } from './answer-state.js';
import type { Conversation } from './conversation.js';
import { QuestionEditor } from './question-editor.js';
import type { Turn } from './turns.js';

export interface TurnProps {
  readonly chat: Conversation;
  readonly index: number;
  readonly turn: Turn;
  readonly isLast: boolean;
}

export const TurnItem = memo(({ chat, index, turn, isLast }: TurnProps) => {
  const isEditing = useSignal(false);
  const { question, answer } = turn;
  const isIdle = !chat.isAnswering.value;
  return (
    <article class="turn">
      <div class="question">
        <h2 class="visually-hidden">You</h2>
        {isEditing.value ? (
          <QuestionEditor
            question={question}
            onCancel={() => {
              isEditing.value = false;
            }}
            onSend={edited => {
              isEditing.value = false;
              chat.askAgain(index, edited);
            }}
          />
        ) : (
          <p class="said">{question}</p>
        )}
        {isIdle && !isEditing.value && (
          <button
            type="button"
            class="plain"
            onClick={() => {
              isEditing.value = true;
            }}
          >
            Edit
          </button>
        )}
      </div>
      <div class="answer" aria-busy={!isOver(answer)}>
        <h2 class="visually-hidden">The model</h2>
        <Markdown text={answer.text} />
        <AnswerSources sources={answer.sources} notice={answer.notice} />
        <div class="row foot">
          <AnswerState answer={answer} />
          {isOver(answer) && answer.text !== '' && (
            <button type="button" class="plain" onClick={() => void copy(answer.text)}>
              Copy
            </button>
          )}
          {isLast && isIdle && (
            <button type="button" class="plain" onClick={() => chat.askAgain(index)}>
              Ask again
            </button>
          )}
        </div>
      </div>
    </article>
  );
});
