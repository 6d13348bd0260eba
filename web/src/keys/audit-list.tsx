// What became of keys, and who was refused: newest first, page by page.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { describe } from '../api/http.js';
import { type AuditItem, readAudit } from '../api/keys.js';
import { spellTime } from '../ui/figures.js';
import { spellActor, spellDetails, spellEvent } from './audit-words.js';

export function AuditList() {
  const items = useSignal<readonly AuditItem[] | null>(null);
  const cursor = useSignal<string | null>(null);
  const fault = useSignal<string | null>(null);
  const load = async (): Promise<void> => {
    try {
      const page = await readAudit(cursor.value);
      items.value = [...(items.value ?? []), ...page.items];
      cursor.value = page.next_cursor;
      fault.value = null;
    } catch (error) {
      fault.value = describe(error);
    }
  };
  useEffect(() => void load(), []);
  return (
    <section aria-labelledby="audit">
      <h2 id="audit">Audit</h2>
      <p class="quiet-text">
        Every change of keys, and who was refused. Equal refusals are counted together.
      </p>
      {items.value?.length === 0 && <p>Nothing has happened yet.</p>}
      {items.value !== null && items.value.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        <section class="scroll-x" tabIndex={0} aria-label="Audit, a table">
          <table>
            <thead>
              <tr>
                <th scope="col">When</th>
                <th scope="col">What</th>
                <th scope="col">By</th>
                <th scope="col">From</th>
                <th scope="col">More</th>
              </tr>
            </thead>
            <tbody>
              {items.value.map((item, index) => (
                <tr key={index}>
                  <td class="when">{spellTime(item.timestamp)}</td>
                  <td>{spellEvent(item)}</td>
                  <td>{spellActor(item)}</td>
                  <td>{item.address ?? 'the command line'}</td>
                  <td>{spellDetails(item)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
      {fault.value !== null && (
        <p class="fault" role="alert">
          {fault.value}
        </p>
      )}
      {(cursor.value !== null || fault.value !== null) && (
        <button type="button" class="quiet" onClick={() => void load()}>
          {fault.value !== null ? 'Try again' : 'Older ones'}
        </button>
      )}
    </section>
  );
}
