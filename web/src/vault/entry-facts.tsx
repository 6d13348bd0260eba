// One line on an exchange in a list: when, how it ended, by what and for whom.
import { spellTime } from '../ui/figures.js';

export interface EntryFactsProps {
  readonly timestamp: string;
  readonly status: 'completed' | 'cancelled' | 'failed';
  readonly model: string;
  readonly dialect: string;
  readonly caller: string | null;
  readonly more?: string;
}

export function EntryFacts({ timestamp, status, model, dialect, caller, more = '' }: EntryFactsProps) {
  return (
    <p class="quiet-text facts">
      <time dateTime={timestamp}>{spellTime(timestamp)}</time>
      <span class={`ended ${status}`}>{status}</span>
      <span>{model}</span>
      <span>{dialect}</span>
      {caller !== null && <span>by {caller}</span>}
      {more !== '' && <span>{more}</span>}
    </p>
  );
}
