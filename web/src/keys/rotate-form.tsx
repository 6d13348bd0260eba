// Asks how long the former secret is to work beside a new one.
import { useSignal } from '@preact/signals';
import { useId } from 'preact/hooks';
import { describe } from '../api/http.js';

const GRACES = [
  { seconds: 0, label: 'ends now' },
  { seconds: 3_600, label: 'works for an hour more' },
  { seconds: 86_400, label: 'works for a day more' },
  { seconds: 7 * 86_400, label: 'works for a week more' },
  { seconds: 30 * 86_400, label: 'works for 30 days more' },
] as const;

export interface RotateFormProps {
  readonly name: string;
  readonly onSubmit: (graceSeconds: number) => Promise<void>;
  readonly onCancel: () => void;
}

export function RotateForm({ name, onSubmit, onCancel }: RotateFormProps) {
  const grace = useSignal<number>(86_400);
  const fault = useSignal<string | null>(null);
  const isBusy = useSignal(false);
  const id = useId();
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    isBusy.value = true;
    try {
      await onSubmit(grace.value);
    } catch (error) {
      fault.value = describe(error);
    } finally {
      isBusy.value = false;
    }
  };
  return (
    <form
      aria-label={`New secret for ${name}`}
      onSubmit={event => void submit(event)}
      onKeyDown={event => {
        if (event.key === 'Escape') onCancel();
      }}
    >
      <div class="field">
        <label for={id}>The former secret</label>
        <select
          id={id}
          ref={field => {
            if (document.activeElement === document.body) field?.focus();
          }}
          value={grace}
          onChange={event => {
            grace.value = Number(event.currentTarget.value);
          }}
        >
          {GRACES.map(({ seconds, label }) => (
            <option key={seconds} value={seconds}>
              {label}
            </option>
          ))}
        </select>
      </div>
      <p class="fault" role="alert">
        {fault}
      </p>
      <div class="row">
        <button type="submit" disabled={isBusy}>
          Make a new secret
        </button>
        <button type="button" class="quiet" onClick={onCancel}>
          Cancel
        </button>
      </div>
    </form>
  );
}
