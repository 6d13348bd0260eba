// What has to be said beside a view: errors and short confirmations, until they are closed or some seconds have passed.
import { signal } from '@preact/signals';
import { describe } from '../api/http.js';

interface Notice {
  readonly id: number;
  readonly kind: 'error' | 'done';
  readonly text: string;
}

const STAYS_MS = 8_000;
const notices = signal<readonly Notice[]>([]);
let last = 0;

export function tell(kind: Notice['kind'], text: string): void {
  const id = ++last;
  notices.value = [...notices.value, { id, kind, text }];
  setTimeout(() => close(id), STAYS_MS);
}

export function tellError(error: unknown): void {
  tell('error', describe(error));
}

function close(id: number): void {
  notices.value = notices.value.filter(notice => notice.id !== id);
}

export function Notices() {
  return (
    <div class="notices" role="log" aria-label="Notices">
      {notices.value.map(({ id, kind, text }) => (
        <p key={id} class={`notice ${kind}`} role={kind === 'error' ? 'alert' : undefined}>
          <span>{text}</span>
          <button type="button" class="plain" onClick={() => close(id)} aria-label="Close">
            ×
          </button>
        </p>
      ))}
    </div>
  );
}
