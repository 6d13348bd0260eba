// What a key is made with, and what of it can be changed later.
import { type Signal, useSignal } from '@preact/signals';
import { useId } from 'preact/hooks';
import { describe } from '../api/http.js';
import { type KeyFields, type Role, SCOPES, type Scope } from './key-fields.js';

export interface KeyFormProps {
  readonly start: KeyFields;
  /** A key that is there keeps its name and its role. */
  readonly isNew: boolean;
  /** The first key of a gateway has to be an admin's. */
  readonly isAdminOnly: boolean;
  readonly action: string;
  readonly onSubmit: (fields: KeyFields) => Promise<void>;
  readonly onCancel: () => void;
}

const LIMITS = [
  { name: 'requestsPerMinute', label: 'Requests a minute', max: 1_000_000 },
  { name: 'concurrency', label: 'Requests at once', max: 100_000 },
  { name: 'tokensPerDay', label: 'Tokens a day', max: 1e15 },
] as const;

export function KeyForm({ start, isNew, isAdminOnly, action, onSubmit, onCancel }: KeyFormProps) {
  const fields = useSignal(start);
  const fault = useSignal<string | null>(null);
  const isBusy = useSignal(false);
  const id = useId();
  const change = (changed: Partial<KeyFields>): void => {
    fields.value = { ...fields.value, ...changed };
  };
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    isBusy.value = true;
    fault.value = null;
    try {
      await onSubmit(fields.value);
    } catch (error) {
      fault.value = describe(error);
    } finally {
      isBusy.value = false;
    }
  };
  const { name, role, expires } = fields.value;
  return (
    <form
      class="card key-form"
      aria-label={isNew ? 'New key' : `Change ${name}`}
      onSubmit={event => void submit(event)}
      onKeyDown={event => {
        if (event.key === 'Escape') onCancel();
      }}
    >
      {isNew && (
        <div class="row top">
          <div class="field">
            <label for={`${id}-name`}>Name</label>
            <input
              id={`${id}-name`}
              required
              maxLength={64}
              autocomplete="off"
              aria-describedby={`${id}-name-hint`}
              value={name}
              ref={field => {
                if (name === '') field?.focus();
              }}
              onInput={event => change({ name: event.currentTarget.value })}
            />
            <p class="hint" id={`${id}-name-hint`}>
              Stands in the log and the history. Never used twice.
            </p>
          </div>
          <div class="field">
            <label for={`${id}-role`}>Role</label>
            <select
              id={`${id}-role`}
              disabled={isAdminOnly}
              value={role}
              onChange={event => change({ role: event.currentTarget.value as Role })}
            >
              <option value="user">User: its own exchanges</option>
              <option value="admin">Admin: sees and may do everything</option>
            </select>
          </div>
        </div>
      )}
      {role === 'user' && <Scopes fields={fields} />}
      <div class="row top">
        <div class="field">
          <label for={`${id}-expires`}>Ends</label>
          <input
            id={`${id}-expires`}
            type="datetime-local"
            aria-describedby={`${id}-expires-hint`}
            value={expires}
            onInput={event => change({ expires: event.currentTarget.value })}
          />
          <p class="hint" id={`${id}-expires-hint`}>
            Empty: never.
          </p>
        </div>
        {LIMITS.map(({ name: limit, label, max }) => (
          <div class="field" key={limit}>
            <label for={`${id}-${limit}`}>{label}</label>
            <input
              id={`${id}-${limit}`}
              type="number"
              min={1}
              max={max}
              step={1}
              aria-describedby={`${id}-${limit}-hint`}
              value={fields.value[limit]}
              onInput={event => change({ [limit]: event.currentTarget.value })}
            />
            <p class="hint" id={`${id}-${limit}-hint`}>
              Empty: as the gateway limits all.
            </p>
          </div>
        ))}
      </div>
      <p class="fault" role="alert">
        {fault}
      </p>
      <div class="row">
        <button type="submit" disabled={isBusy}>
          {action}
        </button>
        <button type="button" class="quiet" onClick={onCancel}>
          Cancel
        </button>
      </div>
    </form>
  );
}

function Scopes({ fields }: { fields: Signal<KeyFields> }) {
  const { scopes } = fields.value;
  const toggle = (scope: Scope, isWanted: boolean): void => {
    const others = scopes.filter(other => other !== scope);
    fields.value = { ...fields.value, scopes: isWanted ? [...others, scope] : others };
  };
  return (
    <fieldset class="scopes">
      <legend>What it is good for</legend>
      {SCOPES.map(({ scope, about }) => (
        <label class="choice" key={scope}>
          <input
            type="checkbox"
            checked={scopes.includes(scope)}
            onChange={event => toggle(scope, event.currentTarget.checked)}
          />
          <span>
            {scope} <span class="quiet-text">{about}</span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}
