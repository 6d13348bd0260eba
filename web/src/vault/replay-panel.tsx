// The same request again, and what became of it.
import { useEffect, useRef, useState } from 'preact/hooks';
import { type HistoryItem, type ReplayAnswer, replayExchange } from '../api/history.js';
import { ApiError } from '../api/http.js';
import { Fault } from '../ui/fault.js';
import { Comparison } from './comparison.js';

export function ReplayPanel({ exchange }: { exchange: HistoryItem }) {
  const [answer, setAnswer] = useState<ReplayAnswer | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [isAsking, setIsAsking] = useState(false);
  const leaving = useRef<AbortController | null>(null);
  useEffect(() => () => leaving.current?.abort(), []);
  const ask = async (isForced: boolean): Promise<void> => {
    leaving.current = new AbortController();
    const { signal } = leaving.current;
    setError(null);
    setIsAsking(true);
    try {
      const replayed = await replayExchange(exchange.id, isForced, signal);
      setAnswer(replayed);
    } catch (fault) {
      if (!signal.aborted) setError(fault);
    } finally {
      if (!signal.aborted) setIsAsking(false);
    }
  };
  const cancel = (): void => {
    leaving.current?.abort();
    setIsAsking(false);
  };
  const isOtherModel = error instanceof ApiError && error.code === 'model_changed';
  return (
    <section class="card" aria-labelledby="replay">
      <h2 id="replay">Ask it again</h2>
      <p class="quiet-text">
        The same input with the same parameters and the same seed, to see whether the same text comes. The new
        answer is kept, too.
      </p>
      {isAsking ? (
        <div class="row">
          <progress aria-label="Asking again" />
          <button type="button" class="quiet" onClick={cancel}>
            Cancel
          </button>
        </div>
      ) : (
        <button type="button" class="quiet" onClick={() => void ask(false)}>
          Ask again and compare
        </button>
      )}
      {isOtherModel ? (
        <div class="in-place" role="alert">
          <p>Another model is served now than the one that answered: {exchange.model.id}.</p>
          <p class="quiet-text">{error.message}</p>
          <button type="button" class="quiet" onClick={() => void ask(true)}>
            Ask the model that is served now
          </button>
        </div>
      ) : (
        error !== null && <Fault error={error} />
      )}
      {answer !== null && !isAsking && <Comparison answer={answer} original={exchange.response} />}
    </section>
  );
}
