// What to look for: words and how, and the filters that narrow it. The address has it once it is sent.
import { useEffect, useState } from 'preact/hooks';
import { spellTime } from '../ui/figures.js';
import { EVERYTHING, hasFilters, toAddress, type VaultQuery } from './vault-query.js';

const DIALECTS = [
  'openai-chat',
  'openai-completions',
  'openai-responses',
  'anthropic-messages',
  'ollama-chat',
  'ollama-generate',
  'simple-ndjson',
  'plain-text',
  'simple-sse',
  'stream-text',
  'job-sse',
  'replay',
];

const MODES = [
  { mode: 'text', label: 'Words' },
  { mode: 'semantic', label: 'Meaning' },
  { mode: 'hybrid', label: 'Both' },
] as const;

export interface SearchFormProps {
  readonly query: VaultQuery;
  readonly onSearch: (query: VaultQuery) => void;
}

export function SearchForm({ query, onSearch }: SearchFormProps) {
  const [draft, setDraft] = useState(query);
  // Back and forward change the address under a form that stays.
  useEffect(() => setDraft(query), [toAddress(query)]);
  const set = (change: Partial<VaultQuery>): void => setDraft(before => ({ ...before, ...change }));
  const field = (name: 'model' | 'caller' | 'dialect' | 'from' | 'to') => ({
    id: `vault-${name}`,
    value: draft[name],
    onInput: (event: Event) => set({ [name]: (event.currentTarget as HTMLInputElement).value }),
  });
  return (
    <search>
      <form
        class="card search"
        onSubmit={event => {
          event.preventDefault();
          onSearch({ ...draft, query: draft.query.trim(), cursor: '', page: 1 });
        }}
      >
        <label for="vault-words">Look for</label>
        <div class="row words">
          <input
            id="vault-words"
            type="search"
            maxLength={1_000}
            value={draft.query}
            onInput={event => set({ query: event.currentTarget.value })}
            aria-describedby="vault-words-hint"
          />
          <button type="submit">Search</button>
        </div>
        <p class="quiet-text search-hint" id="vault-words-hint">
          Words, "a phrase", or, -not. Nothing: everything that the filters let through.
        </p>
        <fieldset class="modes row">
          <legend>By</legend>
          {MODES.map(({ mode, label }) => (
            <label class="choice" key={mode}>
              <input type="radio" name="mode" checked={draft.mode === mode} onChange={() => set({ mode })} />
              {label}
            </label>
          ))}
        </fieldset>
        <details class="filters" open={hasFilters(query)}>
          <summary>Filters</summary>
          <div class="grid">
            <div>
              <label for="vault-status">Ended</label>
              <select
                id="vault-status"
                value={draft.status}
                onChange={event => set({ status: event.currentTarget.value })}
              >
                <option value="">in any way</option>
                <option value="completed">completed</option>
                <option value="cancelled">cancelled</option>
                <option value="failed">failed</option>
              </select>
            </div>
            <div>
              <label for="vault-model">Model</label>
              <input {...field('model')} placeholder="any" />
            </div>
            <div>
              <label for="vault-dialect">Asked in</label>
              <input {...field('dialect')} placeholder="any format" list="vault-dialects" />
              <datalist id="vault-dialects">
                {DIALECTS.map(dialect => (
                  <option key={dialect} value={dialect} />
                ))}
              </datalist>
            </div>
            <div>
              <label for="vault-caller">Caller</label>
              <input {...field('caller')} placeholder="anybody" />
            </div>
            <div>
              <label for="vault-from">From</label>
              <input type="date" {...field('from')} />
            </div>
            <div>
              <label for="vault-to">To, that day included</label>
              <input type="date" {...field('to')} />
            </div>
          </div>
          {draft.before !== '' && (
            <p class="row">
              Only what ended before {spellTime(draft.before)}
              <button type="button" class="quiet" onClick={() => onSearch({ ...query, before: '', page: 1 })}>
                Remove
              </button>
            </p>
          )}
          <button
            type="button"
            class="quiet"
            onClick={() => onSearch({ ...EVERYTHING, query: query.query, mode: query.mode })}
          >
            No filters
          </button>
        </details>
      </form>
    </search>
  );
}
