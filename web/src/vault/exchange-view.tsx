// One exchange as it was: what was asked, what was answered, on what, and its receipt.
import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';
import { Link, useLocation, useParams } from 'wouter-preact';
import { eraseExchange, type HistoryItem, readExchange } from '../api/history.js';
import { fromExchange } from '../chat/answer.js';
import { AnswerSources } from '../chat/answer-sources.js';
import { Markdown } from '../markdown/markdown.js';
import { useAsked } from '../ui/asked.js';
import { copy } from '../ui/clipboard.js';
import { confirmed } from '../ui/confirm.js';
import { Fault } from '../ui/fault.js';
import { tell, tellError } from '../ui/notices.js';
import { ExchangeInput } from './exchange-input.js';
import { lastPlace } from './last-place.js';
import { ReceiptPanel } from './receipt-panel.js';
import { ReplayPanel } from './replay-panel.js';
import './vault.css';

export function ExchangeView() {
  const { id = '' } = useParams<{ id: string }>();
  const { value, error, isAsking, again } = useAsked(id, signal => readExchange(id, signal));
  useEffect(() => document.getElementById('main')?.scrollTo(0, 0), [id]);
  return (
    <section class="view exchange" aria-busy={isAsking}>
      <div class="row spread">
        <h1>Exchange</h1>
        <Link href={lastPlace()}>Back to the vault</Link>
      </div>
      {error !== null && <Fault error={error} onAgain={again} />}
      {value === null && isAsking && <p class="loading">Opening the exchange…</p>}
      {value !== null && value.id === id && <Exchange key={value.id} exchange={value} />}
    </section>
  );
}

function Exchange({ exchange }: { exchange: HistoryItem }) {
  const [, navigate] = useLocation();
  const { id, prompt, response, chat_id: chatId, replay_of: replayOf } = exchange;
  const answer = fromExchange(exchange);
  const erase = async (): Promise<void> => {
    const question = 'Erase this exchange for good, from the log and the database?';
    if (!(await confirmed(question, 'Erase'))) return;
    try {
      await eraseExchange(id);
      tell('done', 'The exchange is erased.');
      navigate(lastPlace(), { replace: true });
    } catch (error) {
      tellError(error);
    }
  };
  return (
    <>
      <div class="row actions">
        {chatId !== null && (
          <Link class="button quiet" href={`/chat/${chatId}`}>
            Continue in the chat
          </Link>
        )}
        <button type="button" class="danger" onClick={() => void erase()}>
          Erase
        </button>
      </div>
      {replayOf !== null && (
        <p>
          This was asked again: <Link href={`/vault/${replayOf}`}>the exchange that it repeats</Link>.
        </p>
      )}
      <Part title="Prompt" text={prompt}>
        {prompt === '' ? (
          <p class="quiet-text">No text was sent; what the model was given is below.</p>
        ) : (
          <p class="said">{prompt}</p>
        )}
        <ExchangeInput input={exchange.input} />
      </Part>
      <Part title="Answer" text={response}>
        {response === '' ? <p class="quiet-text">There is no text.</p> : <Markdown text={response} />}
        {answer.status === 'length' && <p class="quiet-text">It was cut at its longest length.</p>}
        {answer.status === 'cancelled' && <p class="quiet-text">It was stopped before its end.</p>}
        {answer.error !== null && <p class="fault">{answer.error}</p>}
        <AnswerSources sources={answer.sources} notice={answer.notice} />
      </Part>
      <ReplayPanel exchange={exchange} />
      <ReceiptPanel exchange={exchange} />
    </>
  );
}

interface PartProps {
  readonly title: string;
  readonly text: string;
  readonly children: ComponentChildren;
}

function Part({ title, text, children }: PartProps) {
  return (
    <section class="card" aria-label={title}>
      <div class="row spread part-head">
        <h2>{title}</h2>
        {text !== '' && (
          <button
            type="button"
            class="quiet"
            aria-label={`Copy the ${title.toLowerCase()}`}
            onClick={() => void copy(text)}
          >
            Copy
          </button>
        )}
      </div>
      {children}
    </section>
  );
}
