// How an answer is: waiting, being written, whole, cut or failed, and what it has cost.
import { Link } from 'wouter-preact';
import { queue } from '../api/queue.js';
import { spellMs, spellNumber } from '../ui/figures.js';
import type { Answer } from './answer.js';
import type { Cost } from './cost.js';

export function AnswerState({ answer }: { answer: Answer }) {
  switch (answer.status) {
    case 'waiting':
      return <Waiting answer={answer} />;
    case 'running':
      return (
        <span class="quiet-text" role="status">
          Writing…
        </span>
      );
    case 'failed':
      return (
        <span class="fault" role="alert">
          Failed: {answer.error}
          {answer.text !== '' && ' What there is of it is above.'}
        </span>
      );
    case 'cancelled':
      return <Ended answer={answer} word="Stopped." />;
    case 'length':
      return <Ended answer={answer} word="Cut: it reached its longest length." />;
    case 'completed':
      return <Ended answer={answer} word={null} />;
  }
}

function Waiting({ answer: { exchangeId } }: { answer: Answer }) {
  const now = queue.value;
  const item = now?.items.find(one => 'id' in one && one.id === exchangeId);
  if (item === undefined || !('id' in item) || item.position === 0) {
    const loading = now?.model.loading;
    return (
      <span class="quiet-text" role="status">
        {loading ? `Waiting for the model: ${loading.stage}` : 'Reading your message…'}
      </span>
    );
  }
  const left = item.estimated_wait_ms === null ? '' : `, about ${spellMs(item.estimated_wait_ms)}`;
  return (
    <span class="quiet-text" role="status">
      Place {item.position} in the line{left}
    </span>
  );
}

function Ended({ answer, word }: { answer: Answer; word: string | null }) {
  return (
    <>
      {word !== null && <strong class="cut">{word}</strong>}
      {answer.cost !== null && <Figures cost={answer.cost} />}
      {answer.exchangeId !== null && (
        <Link href={`/vault/${answer.exchangeId}`} class="quiet-text">
          In the vault
        </Link>
      )}
    </>
  );
}

function Figures({ cost }: { cost: Cost }) {
  const { promptTokens, completionTokens, firstTokenMs, tokensPerSecond } = cost;
  return (
    <span class="quiet-text figures">
      {spellNumber(completionTokens)} tokens, prompt {spellNumber(promptTokens)}
      {tokensPerSecond !== null && ` · ${spellNumber(tokensPerSecond)} tokens/s`} · first after{' '}
      {spellMs(firstTokenMs)}
    </span>
  );
}
